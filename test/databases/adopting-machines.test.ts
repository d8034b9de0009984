// A primary and its replica on two machines, set up by somebody else, are taken over by an agent on
// each: what clients were told is there, from then on either of them can lead, and they can be
// brought over to TLS.

import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { endThoseOf } from '../../bench/failover/leftovers.ts'
import { Place } from '../../bench/failover/place.ts'
import type { Target } from '../../bench/failover/session.ts'
import { cleansUp, isClean } from '../../bench/lib/cleanup.ts'
import { ask } from '../../src/agent/client.ts'
import type { Status } from '../../src/agent/model.ts'
import { initKeys } from '../../src/control/doors/init.ts'
import { formatKeys, readKeys } from '../../src/control/doors/keys.ts'
import type { DatabaseOverview } from '../../src/databases/overview.ts'
import { until } from '../engines/waiting.ts'
import { namespacesMissing, openNetwork, type TestMachine } from '../hosts/namespaces.ts'
import { otherUser, postgresHome } from '../support/database-bed.ts'

const patience = 180_000
const port = 5432
const boss = { user: 'boss', password: 'boss-secret' }
const programs = join(postgresHome, 'bin')
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

class Bed implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'ao-adopting-'))
  readonly #network = openNetwork(['a', 'b', 'z'])
  readonly places: readonly Place[]

  constructor() {
    chmodSync(this.root, 0o711)
    mkdirSync(join(this.root, 'ours'), { mode: 0o711 })
    const text = this.text
    this.places = this.machines.map((machine) => {
      return new Place({ name: machine.name, root: this.root, machine, text })
    })
  }

  get machines(): readonly TestMachine[] {
    return this.#network.machines.slice(0, 2)
  }

  get text(): string {
    const [a, b, z] = this.#network.machines.map(({ address }) => address)
    return `name: taken
machines: { a: ${a}, b: ${b} }
coordination: { zookeeper: "${z}:2181", session: 2s }
edges: 1
databases:
  orders:
    engine: postgresql
    members: [{ at: "${a}:${port}", on: a }, { at: "${b}:${port}", on: b }]
    durability: async
    failover: { within: 12s }
    credentials: { user: ${boss.user}, password: "\${env.BOSS}" }
    app: { user: orders, database: orders }
    data: ${join(this.root, 'ours')}
    bind: 127.0.0.1:6432
`
  }

  /** Runs one of PostgreSQL's programs as the servers' user, who may not be root. */
  made(name: string, ...args: readonly string[]): void {
    const { status, stderr } = spawnSync(join(programs, name), args, {
      ...{ ...otherUser(), cwd: this.root, encoding: 'utf8' },
    })
    if (status !== 0) throw new Error(`${name}: ${stderr}`)
  }

  /** Starts somebody's server on its machine. */
  serve(machine: TestMachine): ChildProcess {
    const { uid = 0, gid = 0 } = otherUser() ?? {}
    const as = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
    const data = join(this.root, 'theirs', machine.name)
    const argv = [...as, join(programs, 'postgres'), '-D', data]
    return machine.spawn(argv, { cwd: data, log: join(this.root, `${machine.name}.server.log`) })
  }

  targetOn(at: number): Target {
    const host = this.machines[at]?.address ?? ''
    return { engine: 'postgresql', host, port, ...boss, database: 'postgres' }
  }

  /** Statements on the server of one machine, as its superuser; the rows of the last one. */
  run(at: number, ...statements: readonly string[]) {
    return (this.places[at] as Place).run(this.targetOn(at), statements)
  }

  answers(at: number): Promise<boolean> {
    return this.run(at, 'SELECT 1').then(
      () => true,
      () => false,
    )
  }

  /** What somebody has set up: a primary on the first machine, and a replica on the second. */
  async setUp(): Promise<void> {
    const [a, b] = this.machines as [TestMachine, TestMachine]
    const theirs = join(this.root, 'theirs')
    mkdirSync(theirs, { mode: 0o755 })
    const { uid = 0, gid = 0 } = otherUser() ?? {}
    chownSync(theirs, uid, gid)
    const data = join(theirs, a.name)
    const word = join(theirs, 'word')
    writeFileSync(word, `${boss.password}\n`)
    chownSync(word, uid, gid)
    this.made('initdb', '-D', data, '-U', boss.user, '-A', 'scram-sha-256', `--pwfile=${word}`)
    const say = (folder: string, lines: readonly string[]): void =>
      appendFileSync(join(folder, 'postgresql.conf'), `${lines.join('\n')}\n`)
    appendFileSync(
      join(data, 'pg_hba.conf'),
      ['all', 'replication']
        .map((what) => `host ${what} all 10.66.0.0/24 scram-sha-256\n`)
        .join(''),
    )
    say(data, ["listen_addresses = '*'", `port = ${port}`, "unix_socket_directories = ''"])
    say(data, ['shared_buffers = 16MB', 'fsync = off'])
    const first = this.serve(a)
    await until('the primary answers', () => this.answers(0), patience)
    await this.run(
      0,
      "CREATE ROLE copier LOGIN REPLICATION PASSWORD 'copier-secret'",
      "SELECT pg_create_physical_replication_slot('two')",
      'CREATE TABLE rows_a (id INT PRIMARY KEY)',
    )
    const ended = once(first, 'exit')
    first.kill('SIGINT')
    await ended
    const copy = join(theirs, b.name)
    spawnSync('cp', ['-a', data, copy])
    // A copy has no slots of its source.
    rmSync(join(copy, 'pg_replslot', 'two'), { recursive: true })
    const source = `host=${a.address} port=${port} user=copier password=copier-secret`
    say(copy, [`primary_conninfo = '${source}'`, "primary_slot_name = 'two'"])
    writeFileSync(join(copy, 'standby.signal'), '')
    chownSync(join(copy, 'standby.signal'), uid, gid)
    for (const machine of [a, b]) this.serve(machine)
    const streams = async (): Promise<boolean> =>
      (await this.answers(0)) &&
      (await this.run(0, 'SELECT state FROM pg_stat_replication'))[0]?.state === 'streaming'
    await until('the replica receives', streams, patience)
  }

  /** Starts an agent on each machine, and what they agree through. */
  async up(): Promise<void> {
    const z = this.#network.machines[2] as TestMachine
    const argv = [process.execPath, main, 'coordinator', '--bind', `${z.address}:2181`]
    const log = join(this.root, 'z.log')
    z.spawn([...argv, '--data', join(this.root, 'z')], { cwd: this.root, log })
    const folder = join(this.root, 'keys')
    const machines = this.machines.map(({ name, address }) => ({ name, hosts: [address] }))
    await initKeys({ folder, cluster: 'taken', machines, renew: false, now: new Date() })
    for (const place of this.places) {
      const keys = await readKeys(join(folder, `${place.name}.keys`))
      if (keys === undefined) throw new Error(`there are no keys of ${place.name}`)
      writeFileSync(join(place.folder, 'alwayson.keys'), formatKeys(keys), { mode: 0o600 })
      place.up()
    }
    const areConnected = async (): Promise<boolean> => {
      const seen = await Promise.all(this.places.map((place) => this.status(place)))
      return seen.every((status) =>
        status?.cluster?.machines.every((each) => each.state === 'here'),
      )
    }
    await until('both take part', areConnected, patience)
  }

  status({ socket }: Place): Promise<Status | undefined> {
    return ask(socket, '/status', {}, AbortSignal.timeout(10_000)).catch(() => undefined)
  }

  async look(): Promise<DatabaseOverview | undefined> {
    return (await this.status(this.places[0] as Place))?.databases?.[0]
  }

  apply(dryRun: boolean, more = '') {
    const { socket, folder } = this.places[0] as Place
    const path = join(folder, 'alwayson.yaml')
    const text = `${this.text}${more}`
    return ask(socket, '/apply', { path, text, env: { BOSS: boss.password }, dryRun })
  }

  /** Applies whether members speak TLS, and waits until all of them do, or none. */
  async changeTls(tls: boolean): Promise<void> {
    await this.apply(false, `    tls: ${tls}\n`)
    const isDone = async (): Promise<boolean> => {
      const seen = await this.look()
      return seen?.encryption === (tls ? 'required' : 'plain') && seen.rule === 'steady'
    }
    await until(`members speak ${tls ? 'TLS' : 'in the clear'}`, isDone, patience)
    const isTaken = async (): Promise<boolean> => {
      const answers = await Promise.all([0, 1].map((at) => this.answers(at)))
      return answers.every((each) => each !== tls)
    }
    await until('whoever comes past the doors is met so', isTaken, patience)
  }

  /** Waits until this one leads and the other follows. */
  async leads(member: string): Promise<void> {
    let seen: DatabaseOverview | undefined
    const isSo = async (): Promise<boolean> => {
      seen = await this.look()
      return seen?.phase === 'serving' && seen.standing === 'good' && seen.primary === member
    }
    await until(`${member} leads`, isSo, patience).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}: ${JSON.stringify(seen)}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const place of this.places) place.kill()
    await endThoseOf([this.root, ...this.places.map(({ sockets }) => sockets)])
    await this.#network[Symbol.asyncDispose]()
    for (const place of this.places) {
      place[Symbol.dispose]()
      rmSync(place.sockets, { recursive: true, force: true })
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    isClean(this)
  }
}

test('servers on two machines are taken over', { skip: namespacesMissing() }, async () => {
  process.env.BOSS = boss.password
  await using bed = cleansUp(new Bed())
  await bed.setUp()
  const [a] = bed.places as [Place, Place]
  const written = (): readonly number[] =>
    a.history().flatMap(({ id, outcome }) => (outcome === 'ok' ? [id] : []))
  a.write(bed.targetOn(0))
  await until('a client writes', () => written().length > 50, patience)
  await bed.up()

  const { actions } = await bed.apply(true)
  assert.match(actions.join('\n'), /orders-1, PostgreSQL .*primary; orders-2, PostgreSQL .*replica/)
  assert.ok(existsSync(join(bed.root, 'theirs', 'b')), 'nothing has changed')
  await bed.apply(false)
  await bed.leads('orders-1')
  for (const name of ['a', 'b']) assert.ok(!existsSync(join(bed.root, 'theirs', name)))
  const before = written().length
  await until('the client goes on', () => written().length > before + 50, patience)

  await ask(a.socket, '/database', { verb: 'switchover', database: 'orders', to: 'orders-2' })
  await bed.leads('orders-2')
  const there = new Set((await bed.run(1, 'SELECT id FROM rows_a')).map(({ id }) => Number(id)))
  const lost = written().filter((id) => !there.has(id))
  assert.deepEqual(lost, [])

  // Whoever came past the doors in the clear is let in no more, and then again. Nobody is replaced
  // for it, nor follows once more whoever led when all were taken over.
  const { epoch } = (await bed.look()) ?? {}
  await bed.changeTls(true)
  await bed.leads('orders-2')
  await bed.changeTls(false)
  await bed.leads('orders-2')
  assert.equal((await bed.look())?.epoch, epoch)
  const still = new Set((await bed.run(0, 'SELECT id FROM rows_a')).map(({ id }) => Number(id)))
  assert.deepEqual(
    [...there].filter((id) => !still.has(id)),
    [],
  )
})
