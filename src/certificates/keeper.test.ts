// The keeper shows what files and authorities give it, and never less than it had.

import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makePair, sharedPair } from '../../test/support/certificates.ts'
import { until } from '../../test/support/edge-bed.ts'
import type { EdgeSecrets } from '../balancing/model.ts'
import { Fault } from '../foundation/fault.ts'
import { seededRandom } from '../foundation/random.ts'
import { type Clock, instant, openClock } from '../foundation/time.ts'
import { stampOf } from './engines/files/pair-file.ts'
import { openFolderStore } from './engines/folder/store.ts'
import type { Issuer } from './issuer.ts'
import { CertificateKeeper } from './keeper.ts'
import type { AcmeWish } from './model.ts'
import { noPeers } from './peers.ts'

const minute = 60_000
const day = 24 * 60 * minute

/** A keeper in a folder of its own, whose clock is turned by hand. */
class Bed implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'ao-keeper-'))
  readonly events: { rule: string; why: string }[] = []
  readonly told: EdgeSecrets[] = []
  readonly keeper: CertificateKeeper
  /** Nothing can be kept. */
  isFull = false
  issue: Issuer['issue'] = () => Promise.reject(new Error('nobody issues here'))
  #now = openClock().now()
  #timers: { at: number; wake: () => void }[] = []

  constructor() {
    const clock: Clock = {
      now: () => instant(this.#now),
      after: (wait, wake) => {
        const timer = { at: this.#now + wait, wake }
        this.#timers.push(timer)
        return { [Symbol.dispose]: () => void this.#timers.splice(this.#timers.indexOf(timer), 1) }
      },
    }
    const folder = openFolderStore(join(this.folder, 'secrets'))
    const store = {
      ...folder,
      write: (name: string, text: string) =>
        this.isFull ? Promise.reject(new Error('no space left')) : folder.write(name, text),
    }
    this.keeper = new CertificateKeeper({
      ...{ clock, random: seededRandom(1), store, peers: noPeers(store) },
      issuer: { issue: (...asked) => this.issue(...asked) },
      listener: {
        secrets: (secrets) => {
          this.told.push(secrets)
          return Promise.resolve()
        },
        changed: () => undefined,
        event: (rule, _subject, why) => void this.events.push({ rule, why }),
      },
    })
  }

  write(name: string, { certificate, key } = sharedPair()) {
    const files = { certificate: join(this.folder, `${name}.pem`), key: join(this.folder, name) }
    writeFileSync(files.certificate, certificate)
    writeFileSync(files.key, key)
    return files
  }

  /** What asks an authority is watched, taken and due. */
  async want(): Promise<void> {
    await this.keeper.watch([{ door: 'secure', files: [], acme }])
    this.keeper.order()
    await this.pass(2000)
  }

  /** Lets time pass, and what is due be done. */
  async pass(length: number): Promise<void> {
    this.#now = instant(this.#now + length)
    const due = this.#timers.filter(({ at }) => at <= this.#now)
    this.#timers = this.#timers.filter(({ at }) => at > this.#now)
    for (const { wake } of due) wake()
    await until('the next look', () => this.#timers.length > 0)
  }

  has(rule: string): boolean {
    return this.events.some((event) => event.rule === rule)
  }

  [Symbol.dispose](): void {
    this.keeper[Symbol.dispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const wishOf = (files: ReturnType<Bed['write']>) => [
  { door: 'secure', files: [files], acme: undefined },
]

test('tells edges the pairs of its files, and people what they hold', async () => {
  using bed = new Bed()
  const files = bed.write('shop')
  await bed.keeper.watch(wishOf(files))
  const [seen] = bed.keeper.observe().get('secure') ?? []
  assert.deepEqual(seen?.names, ['shop.example', '*.shop.example', '127.0.0.1'])
  assert.equal(seen?.source, files.certificate)
  const [pair] = bed.told.at(-1)?.certificates ?? []
  assert.equal(pair?.id, seen?.id)
  assert.match(pair?.key ?? '', /BEGIN PRIVATE KEY/)
  assert.equal(bed.told.at(-1)?.tickets.length, 1)
})

test('takes an exchanged pair once nothing about it changes any more', async () => {
  using bed = new Bed()
  const files = bed.write('shop')
  await bed.keeper.watch(wishOf(files))
  bed.write('shop', makePair(['new.example']))
  await bed.pass(2000)
  assert.deepEqual(bed.keeper.observe().get('secure')?.[0]?.names.includes('new.example'), false)
  await bed.pass(2000)
  assert.deepEqual(bed.keeper.observe().get('secure')?.[0]?.names, ['new.example'])
  assert.ok(bed.has('certificate-exchanged'))
})

test('keeps what it has while files cannot be used, and says why', async () => {
  using bed = new Bed()
  const files = bed.write('shop')
  await bed.keeper.watch(wishOf(files))
  const before = bed.keeper.observe().get('secure')?.[0]?.id
  rmSync(files.key)
  await bed.pass(2000)
  await bed.pass(2000)
  const [seen] = bed.keeper.observe().get('secure') ?? []
  assert.equal(seen?.id, before)
  assert.match(seen?.problem ?? '', /cannot be read/)
  assert.ok(bed.has('certificate-refused'))
})

test('reads a file again that can be read now, although nothing was written to it', async () => {
  using bed = new Bed()
  const files = bed.write('shop')
  await bed.keeper.watch(wishOf(files))
  bed.write('shop', makePair(['new.example']))
  // A loop of links refuses also a user who may read everything.
  renameSync(files.key, `${files.key}.real`)
  symlinkSync(files.key, files.key)
  for (let look = 0; look < 4; look += 1) await bed.pass(2000)
  const problem = (): string => bed.keeper.observe().get('secure')?.[0]?.problem ?? 'unseen'
  assert.match(problem(), /cannot be read/)
  const told = bed.events.map(({ rule }) => rule)
  assert.deepEqual(told, ['certificate-refused'], 'once, and other work goes on')
  rmSync(files.key)
  renameSync(`${files.key}.real`, files.key)
  await bed.pass(2000)
  await bed.pass(2000)
  assert.equal(problem(), '')
  assert.deepEqual(bed.keeper.observe().get('secure')?.[0]?.names, ['new.example'])
})

test('takes another mode or owner of a file for a change of it', () => {
  using bed = new Bed()
  const files = bed.write('shop')
  const before = stampOf(files)
  // The time of a change of its mode is as fine as the clock of the kernel: set it until it shows.
  let tries = 0
  while (stampOf(files) === before && tries < 100_000) {
    chmodSync(files.key, tries % 2 === 0 ? 0o400 : 0o600)
    tries += 1
  }
  assert.notEqual(stampOf(files), before)
})

test('refuses files that cannot be used, and goes on with those before', async () => {
  using bed = new Bed()
  const files = bed.write('shop')
  await bed.keeper.watch(wishOf(files))
  const bad = bed.write('bad', { certificate: 'nothing', key: 'nothing' })
  await assert.rejects(bed.keeper.watch(wishOf(bad)), Fault)
  assert.equal(bed.keeper.observe().get('secure')?.[0]?.source, files.certificate)
})

test('warns once of an end that is near, and once when it has come', async () => {
  using bed = new Bed()
  await bed.keeper.watch(wishOf(bed.write('shop')))
  assert.equal(bed.events.length, 0)
  await bed.pass(20 * day)
  await bed.pass(2 * minute)
  await bed.pass(11 * day)
  const told = bed.events.map(({ rule }) => rule)
  assert.deepEqual(told, ['certificate-expires-soon', 'certificate-expired'])
})

test('turns the keys of tickets, and finds them again in its next life', async () => {
  using bed = new Bed()
  await bed.keeper.watch(wishOf(bed.write('shop')))
  const [first] = bed.told.at(-1)?.tickets ?? []
  await bed.pass(9 * 60 * minute)
  await until('two keys', () => bed.told.at(-1)?.tickets.length === 2)
  assert.equal(bed.told.at(-1)?.tickets[1]?.bytes, first?.bytes)
  const kept = readFileSync(join(bed.folder, 'secrets', 'tickets.json'), 'utf8')
  assert.ok(kept.includes(first?.bytes ?? 'nothing'))
})

const acme: AcmeWish = {
  ...{ directory: 'https://authority.example/dir', email: undefined, names: ['shop.example'] },
  ...{ challenge: 'http-01', trust: undefined },
}

test('shows a placeholder until an authority has issued, and tries again later', async () => {
  using bed = new Bed()
  let asked = 0
  bed.issue = async (_wish, proof) => {
    asked += 1
    const challenge = { kind: 'http-01', token: 't', answer: 'a' } as const
    await proof.show(challenge)
    assert.deepEqual(bed.told.at(-1)?.challenges, [challenge])
    await proof.hide(challenge)
    if (asked === 1) throw new Error('the authority is tired')
    return makePair(['shop.example'])
  }
  await bed.want()
  assert.match(bed.keeper.observe().get('secure')?.[0]?.issuer ?? '', /placeholder/)
  await until('a failure', () => bed.has('certificate-not-issued'))
  assert.match(bed.keeper.observe().get('secure')?.[0]?.problem ?? '', /tired/)
  await bed.pass(30_000)
  assert.equal(asked, 1)
  await bed.pass(3 * minute)
  await until('a certificate', () => bed.has('certificate-issued'))
  const [seen] = bed.keeper.observe().get('secure') ?? []
  assert.equal(seen?.problem, '')
  await until('nobody is answered any more', () => bed.told.at(-1)?.challenges.length === 0)
  await bed.pass(minute)
  assert.equal(asked, 2)
})

test('renews before the end, and shows what it has when that fails', async () => {
  using bed = new Bed()
  bed.issue = () => Promise.resolve(makePair(['shop.example']))
  await bed.want()
  await until('a certificate', () => bed.has('certificate-issued'))
  const first = bed.keeper.observe().get('secure')?.[0]?.id
  bed.issue = () => Promise.reject(new Error('gone'))
  await bed.pass(21 * day)
  await until('a failure', () => bed.has('certificate-not-issued'))
  assert.equal(bed.keeper.observe().get('secure')?.[0]?.id, first)
})

test('asks no authority for what is watched and may be refused yet', async () => {
  using bed = new Bed()
  let asked = 0
  bed.issue = () => {
    asked += 1
    return Promise.reject(new Error('no'))
  }
  await bed.keeper.watch([{ door: 'secure', files: [], acme }])
  await bed.pass(2000)
  await bed.pass(2000)
  assert.equal(asked, 0)
  await bed.keeper.watch([])
  await bed.want()
  await until('a failure', () => bed.has('certificate-not-issued'))
  assert.equal(asked, 1)
})

test('gives up an order when it ends, and does not take that for a failure', async () => {
  using bed = new Bed()
  const gone = Promise.withResolvers<void>()
  bed.issue = (_wish, _proof, _store, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason)
        gone.resolve()
      })
    })
  await bed.want()
  bed.keeper[Symbol.dispose]()
  await gone.promise
  await new Promise(setImmediate)
  assert.deepEqual(bed.events, [])
  const kept = readdirSync(bed.folder, { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    kept.filter((name) => name.includes('tries')),
    [],
  )
})

test('shows what was issued and cannot be kept, and keeps it without another order', async () => {
  using bed = new Bed()
  let asked = 0
  bed.issue = () => {
    asked += 1
    bed.isFull = true
    return Promise.resolve(makePair(['shop.example']))
  }
  await bed.want()
  await until('a failure', () => bed.has('certificate-not-kept'))
  const seen = () => bed.keeper.observe().get('secure')?.[0]
  assert.match(seen()?.problem ?? '', /cannot be kept: no space left/)
  assert.equal(bed.told.at(-1)?.certificates[0]?.id, seen()?.id)
  const { id } = seen() ?? {}
  for (let minutes = 0; minutes < 10; minutes += 1) await bed.pass(minute)
  bed.isFull = false
  await bed.pass(2 * minute)
  await until('it is kept', () => seen()?.problem === '')
  assert.equal(asked, 1)
  assert.equal(seen()?.id, id)
  const told = bed.events.map(({ rule }) => rule)
  assert.deepEqual(told, ['certificate-issued', 'certificate-not-kept'])
  const kept = readdirSync(join(bed.folder, 'secrets', 'acme'))
  assert.equal(kept.length, 1)
})
