// Machines share what an authority issued, and order one at a time, over a simulated coordinator.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cpSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../../test/engines/waiting.ts'
import { makePair } from '../../../../test/support/certificates.ts'
import type { EdgeSecrets } from '../../../balancing/model.ts'
import { sealOf } from '../../../control/seal.ts'
import { seededRandom } from '../../../foundation/random.ts'
import { type Clock, instant, ms, openClock } from '../../../foundation/time.ts'
import { Ensemble } from '../../../simulation/coordinator/ensemble.ts'
import { SimulatedSession } from '../../../simulation/coordinator/session.ts'
import type { Issuer } from '../../issuer.ts'
import { CertificateKeeper } from '../../keeper.ts'
import type { AcmeWish } from '../../model.ts'
import { openFolderStore } from '../folder/store.ts'
import { openSharedPeers } from './peers.ts'

const minute = 60_000
const real = openClock()
/** The coordinator's: it waits for nobody at the end. */
const idle: Clock = {
  now: real.now,
  after(wait, wake) {
    const timer = setTimeout(wake, wait).unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

const acme: AcmeWish = {
  ...{ directory: 'https://authority.example/dir', email: undefined, names: ['shop.example'] },
  ...{ challenge: 'http-01', trust: undefined },
}

/** What all machines have: a clock that can be put forward, an authority, a coordinator. */
class Place implements AsyncDisposable {
  ahead = 0
  /** How much faster than usual their waits end. */
  pace = 1
  readonly clock: Clock = {
    now: () => instant(real.now() + this.ahead),
    after: (wait, wake) => real.after(ms(wait / this.pace), wake),
  }
  readonly ensemble = new Ensemble({ clock: idle, delay: () => ms(1), servers: 1 })
  readonly machines: Machine[] = []
  orders: string[] = []
  issue: Issuer['issue'] = () => Promise.resolve(makePair(['shop.example']))

  session(): SimulatedSession {
    return new SimulatedSession({
      ...{ ensemble: this.ensemble, wire: idle, clock: idle, random: seededRandom(1) },
      ...{ delay: () => ms(1), timeout: ms(8000), cuts: () => ({ up: false, down: false }) },
      arrives: (then) => then(),
      stirred: () => {},
    })
  }

  machine(name: string): Machine {
    const machine = new Machine(name, this)
    this.machines.push(machine)
    return machine
  }

  /** Machines `a`, `b` and `c`, in session. */
  async three(): Promise<readonly [Machine, Machine, Machine]> {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => this.machine(name))
    await Promise.all(this.machines.map((machine) => machine.join()))
    return [a!, b!, c!]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.machines) await machine[Symbol.asyncDispose]()
  }
}

class Machine implements AsyncDisposable {
  readonly name: string
  readonly folder = mkdtempSync(join(tmpdir(), 'ao-peers-'))
  readonly events: string[] = []
  readonly keeper: CertificateKeeper
  told: EdgeSecrets | undefined
  /** Its edges are slow to take what they are told. */
  stuck: Promise<void> | undefined
  readonly #place: Place
  readonly #peers
  #session: SimulatedSession | undefined
  #attending: Promise<unknown> = Promise.resolve()

  constructor(name: string, place: Place) {
    this.name = name
    this.#place = place
    const { clock } = place
    /** It looks more often than others do: nobody waits two seconds for its first look. */
    const eager: Clock = { now: clock.now, after: (wait, wake) => real.after(ms(wait / 50), wake) }
    const store = openFolderStore(this.folder)
    const seal = sealOf('a secret', 'certificates')
    const note = (rule: string): void => void this.events.push(rule)
    this.#peers = openSharedPeers({
      ...{ machine: name, clock, seal, store, newId: randomUUID, event: note },
    })
    this.keeper = new CertificateKeeper({
      ...{ clock: eager, random: seededRandom(1), store, peers: this.#peers },
      issuer: {
        issue: (...asked) => {
          place.orders.push(name)
          return place.issue(...asked)
        },
      },
      listener: {
        secrets: async (secrets) => {
          await this.stuck
          this.told = secrets
        },
        changed: () => undefined,
        event: note,
      },
    })
  }

  async join(): Promise<void> {
    this.#session = this.#place.session()
    await this.#session.connected
    const never = new AbortController().signal
    this.#attending = this.#peers.attend(this.#session, never).catch(() => undefined)
    await this.#peers.settled()
  }

  /** Its session is over at once. */
  async leave(): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
    await this.#attending
  }

  async want(): Promise<void> {
    await this.keeper.watch([{ door: 'secure', files: [], acme }])
    this.keeper.order()
  }

  get shown() {
    return this.keeper.observe().get('secure')?.[0]
  }

  /** What was issued is kept, for all and here. */
  get keeps(): boolean {
    return globSync(join(this.folder, 'acme', '*.json')).length > 0
  }

  get challenges(): number {
    return this.told?.challenges.length ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keeper[Symbol.dispose]()
    this.#peers[Symbol.dispose]()
    await this.leave()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

test('one orders, the edges of all can answer, and all show what was issued', async () => {
  await using place = new Place()
  const machines = await place.three()
  const answering: number[] = []
  place.issue = async (_wish, proof) => {
    const challenge = { kind: 'http-01', token: 'token', answer: 'answer' } as const
    await proof.show(challenge)
    for (const { told } of machines) {
      answering.push(
        told?.challenges.filter((one) => 'token' in one && one.token === 'token').length ?? 0,
      )
    }
    await proof.hide(challenge)
    return makePair(['shop.example'])
  }
  await Promise.all(machines.map((machine) => machine.want()))
  await until('all show it', () =>
    machines.every(({ shown }) => shown?.names[0] === 'shop.example' && shown.problem === ''),
  )
  assert.equal(place.orders.length, 1)
  assert.ok(answering.length === 3 && answering.every((count) => count > 0), String(answering))
  assert.equal(new Set(machines.map(({ shown }) => shown?.id)).size, 1)
  await until('nobody answers any more', () => machines.every(({ challenges }) => challenges === 0))
  const rules = machines.flatMap(({ events }) => events)
  assert.deepEqual(rules.toSorted(), [
    ...['certificate-issued', 'certificate-received', 'certificate-received'],
  ])
  await using session = place.session()
  await session.connected
  for (const node of (await session.list('/certificates/secrets')) ?? []) {
    const kept = await session.read(`/certificates/secrets/${node}`)
    assert.doesNotMatch(kept?.data.toString('utf8') ?? '', /PRIVATE|BEGIN/)
  }
})

test('what the authority refused one machine is not asked by another before its time', async () => {
  await using place = new Place()
  const machines = await place.three()
  place.issue = () => Promise.reject(new Error('the authority is tired'))
  await Promise.all(machines.map((machine) => machine.want()))
  await until('all know', () => machines.every(({ shown }) => /tired/.test(shown?.problem ?? '')))
  assert.equal(place.orders.length, 1)
  place.issue = () => Promise.resolve(makePair(['shop.example']))
  place.ahead = 3 * minute
  await until('all show it', () => machines.every(({ shown }) => shown?.problem === ''))
  assert.equal(place.orders.length, 2)
})

test('a machine that comes later, or had one before, shows what the others show', async () => {
  await using place = new Place()
  const a = place.machine('a')
  await a.join()
  await a.want()
  await until('it keeps one', () => a.keeps)
  const b = place.machine('b')
  await b.join()
  await b.want()
  assert.equal(b.shown?.id, a.shown?.id)
  assert.deepEqual(place.orders, ['a'])
})

test('what a machine kept before there were others becomes that of all', async () => {
  await using place = new Place()
  const a = place.machine('a')
  await a.join()
  await a.want()
  await until('it keeps one', () => a.keeps)
  await using later = new Place()
  const [b, c] = [later.machine('b'), later.machine('c')]
  rmSync(b.folder, { recursive: true })
  cpSync(a.folder, b.folder, { recursive: true })
  await b.want()
  await b.join()
  await c.join()
  await c.want()
  await until('the other has it', () => c.shown?.id === a.shown?.id)
  assert.deepEqual(later.orders, [])
})

test('what was ordered by a machine that has lost its place is refused', async () => {
  await using place = new Place()
  const [a, b] = [place.machine('a'), place.machine('b')]
  await a.join()
  const late = Promise.withResolvers<ReturnType<typeof makePair>>()
  place.issue = () => late.promise
  await a.want()
  await until('it orders', () => place.orders.length === 1)
  await a.leave()
  place.issue = () => Promise.resolve(makePair(['shop.example']))
  await b.join()
  await b.want()
  await until('the other has one', () => b.shown?.problem === '')
  const { id } = b.shown ?? {}
  late.resolve(makePair(['shop.example']))
  await until('it is refused', () => a.events.includes('certificate-not-kept'))
  await a.join()
  await until('it shows that one too', () => a.shown?.id === id && b.shown?.id === id)
})

test('goes on without a machine whose edges do not say that they know', async () => {
  await using place = new Place()
  const [a, b] = await place.three()
  place.pace = 20
  const free = Promise.withResolvers<void>()
  b.stuck = free.promise
  place.issue = async (_wish, proof) => {
    const challenge = { kind: 'http-01', token: 'token', answer: 'answer' } as const
    await proof.show(challenge)
    await proof.hide(challenge)
    return makePair(['shop.example'])
  }
  await a.want()
  await until('it is issued', () => a.events.includes('certificate-issued'))
  assert.ok(a.events.includes('challenge-not-heard'))
  free.resolve()
})
