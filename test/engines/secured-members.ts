// What members on several machines promise each other, and refuse everybody else: whatever crosses
// the network is encrypted, and both ends have shown a certificate of the cluster.

import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { DatabaseProtocol } from '../../src/balancing/model.ts'
import type { OpenReader } from '../../src/databases/compare/engine.ts'
import type { DatabaseAccounts, FindVouchers, MemberAddress } from '../../src/databases/engine.ts'
import type { MachineCertificate, MemberTls } from '../../src/databases/member-tls.ts'
import type { Bind } from '../../src/databases/model.ts'
import {
  accounts,
  anyOf,
  type MemberKind,
  machineTls,
  patience,
  Scene,
  soon,
} from '../conformance/database-scene.ts'
import { insert } from '../conformance/database-watch.ts'
import { DatabaseBed } from '../support/database-bed.ts'
import { serverRow } from '../support/edge-bed.ts'
import { until } from './waiting.ts'

/** What the promises know of an engine. */
export interface SecuredKind {
  readonly kind: MemberKind
  readonly protocol: DatabaseProtocol
  readonly vouchers: FindVouchers
  readonly reader: (accounts: DatabaseAccounts, now: () => never, tls?: MemberTls) => OpenReader
  /** Of how many replicas a primary knows that their streams are encrypted, and are not. */
  streams(scene: Scene, primary: string): Promise<{ secured: number; plain: number }>
  /** Comes as a replica does, with what it shows; rejects where it is not let in. */
  comeAsReplica(at: Bind, shown: Partial<MachineCertificate> | undefined): Promise<void>
  /** A question whose one value says that the session's own server speaks TLS with it. */
  readonly isSecured: { readonly question: string; readonly answer: RegExp }
  /** The fingerprint of the certificate that a server shows. */
  fingerprint(at: Bind, tls: MachineCertificate): Promise<string>
}

/** A certificate of another cluster. */
const stranger = (): MachineCertificate => machineTls('another cluster')()

export function securedMembers(secured: SecuredKind): void {
  const { kind, protocol } = secured
  const clients = [accounts.app]
  suite(`${kind.name}, its members on several machines`, () => {
    let scene: Scene
    before(async () => {
      scene = await Scene.open({ ...kind, secured: true }, 3)
      await scene.begin(anyOf('m2', 'm3'))
    })
    after(() => scene[Symbol.asyncDispose]())
    const at = (name: string): MemberAddress => scene.seat(name).options.address
    const own = (): MachineCertificate => {
      const { tls } = scene.seat('m1').options
      return tls?.() ?? assert.fail('it has no certificate')
    }

    test('receive over encrypted streams alone', async () => {
      await scene.query('m1', insert(1))
      assert.deepEqual(await secured.streams(scene, 'm1'), { secured: 2, plain: 0 })
    })

    test('let nobody receive who shows no certificate of their cluster', async () => {
      await secured.comeAsReplica(at('m1'), own())
      const strange = stranger()
      for (const [what, shown] of [
        ['in the clear', undefined],
        ['without a certificate', { ca: own().ca }],
        ['with one of another cluster', { ...strange, ca: own().ca }],
      ] as const) {
        await assert.rejects(secured.comeAsReplica(at('m1'), shown), what)
      }
    })

    test('let no client in either who comes past the doors without one', async () => {
      const { app } = accounts
      await using _known = await kind.connect(at('m1'), app, app.database, own())
      await assert.rejects(kind.connect(at('m1'), app, app.database))
    })

    test('are believed by nobody of another cluster', async () => {
      const strange = stranger()
      const shown = { ...own(), ca: strange.ca }
      await assert.rejects(
        secured.comeAsReplica(at('m1'), shown),
        /self.signed|issuer|certificate/i,
      )
    })

    test('are asked by a guard, and read to be compared', async () => {
      const { run, address } = scene.seat('m1').options
      const plan = { engine: kind.name, socket: run, port: address.port, account: accounts.admin }
      const ask = (tlsIn: string | undefined, within = patience): Promise<readonly string[]> =>
        secured.vouchers({ ...plan, tlsIn }, ['m2', 'm3'], soon(within))
      assert.deepEqual((await ask(run)).toSorted(), ['m2', 'm3'])
      const open = secured.reader(accounts, () => assert.fail(), own)
      using reader = await open(at('m2'), soon())
      const tables = await reader.tables(soon())
      assert.ok(tables.some(({ name }) => /entries/.test(name)))
    })

    test('serve the sessions of doors under TLS, also where those go on', async () => {
      await using bed = new DatabaseBed(protocol, clients, { machine: own() })
      const rows = (first: 'up' | 'draining', second: 'up' | 'down') => [
        { ...serverRow('m1', at('m1').port), state: first },
        { ...serverRow('m2', at('m2').port), state: second },
      ]
      await bed.route(rows('up', 'down'))
      const door = { host: '127.0.0.1', port: bed.port }
      await using client = await kind.connect(door, accounts.app, accounts.app.database)
      const ask = async (): Promise<string> => {
        const [row] = await client.query(secured.isSecured.question)
        return String(Object.values(row ?? {}).at(-1))
      }
      assert.match(await ask(), secured.isSecured.answer)
      await bed.route(rows('draining', 'up'))
      assert.match(await ask(), secured.isSecured.answer)
      const traffic = (id: string): number => bed.edge.report.servers[id]?.active ?? 0
      await until('it has moved', () => traffic('m1') === 0 && traffic('m2') === 1, patience)
      assert.deepEqual((await client.query('SELECT id FROM entries')).map(Object.values), [[1]])
    })

    for (const [what, machine] of [
      ['that has no keys', undefined],
      ['of another cluster', stranger()],
    ] as const) {
      test(`serve no door ${what}`, async () => {
        await using bed = new DatabaseBed(protocol, clients, { machine })
        await bed.route([serverRow('m1', at('m1').port)], 60_000, 1500)
        const door = { host: '127.0.0.1', port: bed.port }
        await assert.rejects(kind.connect(door, accounts.app, accounts.app.database))
      })
    }

    test('show a renewed certificate without a restart', async () => {
      const [before, renewed] = [await secured.fingerprint(at('m1'), own()), machineTls()]
      for (const name of ['m1', 'm2']) {
        const { host } = scene.seat(name)
        const process = host.observe()
        const engine = await scene.reopen(name, { tls: renewed })
        assert.deepEqual(await engine.refresh(soon()), { outdated: undefined, refused: undefined })
        assert.deepEqual(host.observe(), process)
      }
      const shown = await secured.fingerprint(at('m1'), own())
      assert.notEqual(shown, before)
      assert.equal(shown, await secured.fingerprint(at('m1'), renewed()))
      await scene.query('m1', insert(2))
      assert.deepEqual(await scene.ids('m1'), [1, 2])
      // A replica writes nothing of its own for it: what comes next would not go on from that.
      await scene.shows('m2', 2)
      assert.equal((await scene.look('m2')).diverged, false)
    })

    test('take over from each other, and come back', async () => {
      await scene.seat('m1').host.crash()
      for (const name of ['m2', 'm3']) await scene.engine(name).freeze(soon())
      await scene.engine('m2').promote({ epoch: 2, acks: anyOf('m1', 'm3') }, soon())
      await scene.engine('m3').follow(scene.order('m2', 'follow'), soon())
      await scene.receives('m3', 'm2')
      await scene.query('m2', insert(3))
      await scene.engine('m1').follow(scene.order('m2', 'rewind'), soon())
      await scene.receives('m1', 'm2')
      await scene.shows('m1', 3)
      assert.deepEqual(await secured.streams(scene, 'm2'), { secured: 2, plain: 0 })
    })
  })
}
