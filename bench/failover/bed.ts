// A replicated database to be broken: as processes of one machine, or on three machines that are
// network namespaces. Knows how to find its servers, and who writes.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from '../../src/agent/client.ts'
import { databaseFolders } from '../../src/agent/database-folders.ts'
import type { Status } from '../../src/agent/model.ts'
import { initKeys } from '../../src/control/doors/init.ts'
import { formatKeys, readKeys } from '../../src/control/doors/keys.ts'
import { type ProcessIdentity, signalProcess } from '../../src/control/processes.ts'
import type { GuardRecord } from '../../src/databases/guard/protocol.ts'
import type { DatabaseOverview } from '../../src/databases/overview.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { until } from '../../test/engines/waiting.ts'
import { openNetwork, type TestMachine, type TestNetwork } from '../../test/hosts/namespaces.ts'
import { restingPorts } from '../lib/ports.ts'
import type { ClientOrder } from './client.ts'
import { type Attempt, parseHistory } from './history.ts'
import type { Target } from './session.ts'

/** What is broken. */
export interface BedOptions {
  readonly engine: Target['engine']
  readonly where: 'processes' | 'machines'
  readonly durability: 'quorum' | 'async'
}

/** A place that has an agent: a machine, or the one that all share. */
export interface Place {
  readonly name: string
  readonly machine: TestMachine | undefined
  agent: ChildProcess
  up(): void
  readonly socket: string
  /** A client that has been writing through this place's door. */
  history(): readonly Attempt[]
}

/** A database with clients that write. */
export interface Bed extends AsyncDisposable {
  readonly options: BedOptions
  readonly places: readonly Place[]
  /** The machine that only has the coordinator, where there is one. */
  readonly coordinator: { readonly machine: TestMachine; process(): ChildProcess } | undefined
  restartCoordinator(): void
  /** Starts the client of a place that has lost its power. */
  write(place: Place): void
  placeOf(member: string): Place
  /** How it is, as a place whose agent answers has it. */
  look(): Promise<DatabaseOverview | undefined>
  /** Waits until its primary serves, all members follow, and all clients are answered. */
  well(): Promise<DatabaseOverview>
  /** The guard and the server of a member. */
  record(member: string): GuardRecord
  /** Begins a planned move. */
  switchOver(): Promise<unknown>
  /** As an operator would: failovers that nobody has looked at make the next one wait. */
  approve(): Promise<void>
  /** Every row of a place's own client that the primary has. */
  ids(place: Place): Promise<ReadonlySet<number>>
}

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const client = join(import.meta.dirname, 'client.ts')
/** A client writes this often. */
const every = 10

const tableOf = ({ name }: Place): string => `rows_${name}`

/** Opens a bed and waits until it is well. */
export async function openBed(options: BedOptions): Promise<Bed> {
  const root = mkdtempSync(join(tmpdir(), 'ao-failover-'))
  // The servers' own user has to pass through.
  chmodSync(root, 0o711)
  const [write = 0, ...members] = await restingPorts(4)
  const network = options.where === 'machines' ? openNetwork(['a', 'b', 'c', 'z']) : undefined
  const bed = new OpenBed(options, root, network, write)
  try {
    await bed.open(members)
    return bed
  } catch (thrown) {
    await bed[Symbol.asyncDispose]()
    throw thrown
  }
}

class OpenBed implements Bed {
  readonly options: BedOptions
  readonly places: Place[] = []
  coordinator: Bed['coordinator']
  readonly #root: string
  readonly #network: TestNetwork | undefined
  readonly #write: number
  readonly #children: ChildProcess[] = []
  #coordinating: ChildProcess | undefined
  #target: Target | undefined

  constructor(options: BedOptions, root: string, network: TestNetwork | undefined, write: number) {
    this.options = options
    this.#root = root
    this.#network = network
    this.#write = write
  }

  async open(ports: readonly number[]): Promise<void> {
    const server = this.#network?.machines[3]
    if (server !== undefined) {
      this.coordinator = { machine: server, process: () => this.#coordinating as ChildProcess }
      this.restartCoordinator()
    }
    const machines = this.#network?.machines.slice(0, 3)
    const text = this.#file(ports, machines, server)
    if (machines === undefined) this.places.push(this.#place('one', undefined, text))
    else {
      const folder = join(this.#root, 'keys')
      const subjects = machines.map(({ name, address }) => ({ name, hosts: [address] }))
      await initKeys({
        folder,
        cluster: 'bench',
        machines: subjects,
        renew: false,
        now: new Date(),
      })
      for (const machine of machines) this.places.push(this.#place(machine.name, machine, text))
      for (const { name } of machines) {
        const keys = await readKeys(join(folder, `${name}.keys`))
        if (keys === undefined) throw new Error(`there are no keys of ${name}`)
        writeFileSync(join(this.#root, name, 'alwayson.keys'), formatKeys(keys), { mode: 0o600 })
      }
    }
    for (const place of this.places) place.up()
    await this.#served()
    this.#target = await this.#findTarget(this.#answering)
    for (const place of this.places) {
      await this.#run(place, [`CREATE TABLE ${tableOf(place)} (id INT PRIMARY KEY)`])
    }
    for (const place of this.places) this.write(place)
    await this.well()
  }

  #file(
    ports: readonly number[],
    machines: readonly TestMachine[] | undefined,
    server: TestMachine | undefined,
  ): string {
    const { engine, durability } = this.options
    const cluster =
      machines === undefined
        ? ''
        : `machines: { ${machines.map(({ name, address }) => `${name}: ${address}`).join(', ')} }
coordination: { zookeeper: "${server?.address}:2181", session: 2s }`
    const members = machines === undefined ? `{ count: 3, ports: [${ports.join(', ')}] }` : 3
    return `
name: bench
${cluster}
edges: 1
databases:
  orders:
    engine: ${engine}
    durability: ${durability}
    members: ${members}
    data: ${join(this.#root, 'data')}
    bind: 127.0.0.1:${this.#write}
`
  }

  #place(name: string, machine: TestMachine | undefined, text: string): Place {
    const folder = join(this.#root, name)
    mkdirSync(folder, { mode: 0o711 })
    writeFileSync(join(folder, 'alwayson.yaml'), text)
    const state = join(folder, 's')
    const log = join(folder, 'agent.log')
    const argv = [process.execPath, main, 'up', 'alwayson.yaml', '--state', state]
    const begin = (): ChildProcess => {
      const child =
        machine?.spawn(argv, { cwd: folder, log }) ??
        spawn(argv[0] ?? '', argv.slice(1), {
          cwd: folder,
          stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
        })
      this.#children.push(child)
      return child
    }
    return {
      ...{ name, machine, socket: join(state, 'agent.sock') },
      agent: undefined as unknown as ChildProcess,
      up() {
        this.agent = begin()
      },
      history: () => parseHistory(readText(join(folder, 'history'))),
    }
  }

  restartCoordinator(): void {
    const { machine } = this.coordinator ?? {}
    if (machine === undefined) return
    const argv = [process.execPath, main, 'coordinator', '--bind', `${machine.address}:2181`]
    const log = join(this.#root, 'z.log')
    this.#coordinating = machine.spawn([...argv, '--data', join(this.#root, 'z')], {
      ...{ cwd: this.#root, log },
    })
  }

  write(place: Place): void {
    const history = join(this.#root, place.name, 'history')
    const target = this.#target as Target
    const first = 1 + Math.max(0, ...place.history().map(({ id }) => id))
    this.#client(place, { ...target, kind: 'write', table: tableOf(place), history, every, first })
  }

  #client({ name, machine }: Place, order: ClientOrder): ChildProcess {
    const [program = '', ...args] = [...(machine?.inside ?? []), process.execPath, client]
    const child = spawn(program, args, {
      cwd: join(this.#root, name),
      stdio: ['pipe', 'pipe', openSync(join(this.#root, name, 'client.log'), 'a')],
    })
    child.stdin?.end(JSON.stringify(order))
    this.#children.push(child)
    return child
  }

  /** Runs statements through the door of a place; gives the rows of the last one. */
  async #run(place: Place, statements: readonly string[]): Promise<readonly { id?: unknown }[]> {
    const child = this.#client(place, { ...(this.#target as Target), kind: 'run', statements })
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
    })
    await once(child, 'close')
    if (child.exitCode !== 0) throw new Error(`a client on ${place.name} failed: see client.log`)
    return JSON.parse(text) as { id?: unknown }[]
  }

  async #findTarget({ socket }: Place): Promise<Target> {
    const { url } = await ask(socket, '/database-url', { database: 'orders', door: 'write' })
    const { username, password, port, pathname } = new URL(url)
    const { engine } = this.options
    const database = pathname.slice(1)
    return { engine, host: '127.0.0.1', port: Number(port), user: username, password, database }
  }

  get #answering(): Place {
    const place = this.places.find(({ agent }) => agent.exitCode === null && !agent.killed)
    if (place === undefined) throw new Error('no agent runs')
    return place
  }

  placeOf(member: string): Place {
    const [, machine] = member.split('.')
    return this.places.find(({ name }) => name === machine) ?? (this.places[0] as Place)
  }

  async look(): Promise<DatabaseOverview | undefined> {
    for (const { socket } of this.places) {
      const status = await ask(socket, '/status', {}, AbortSignal.timeout(3000)).catch(
        (): Status | undefined => undefined,
      )
      const seen = status?.databases?.find(({ name }) => name === 'orders')
      if (seen !== undefined && seen.phase !== 'unknown') return seen
    }
    return undefined
  }

  async #served(): Promise<void> {
    await until('it serves', async () => (await this.look())?.phase === 'serving', 180_000)
  }

  async well(): Promise<DatabaseOverview> {
    let seen: DatabaseOverview | undefined
    const isWell = async (): Promise<boolean> => {
      seen = await this.look()
      const at = performance.timeOrigin + performance.now()
      const lately = this.places.every((place) =>
        place.history().some(({ outcome, completed }) => outcome === 'ok' && at - completed < 1000),
      )
      return lately && seen?.phase === 'serving' && seen.members.every((e) => e.standing === 'good')
    }
    await until('all is well', isWell, 180_000).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}: ${JSON.stringify(seen)}`)
    })
    return seen as DatabaseOverview
  }

  record(member: string): GuardRecord {
    const place = this.placeOf(member)
    const path = join(this.#root, place.name, 's', 'databases', 'guards', `${member}.json`)
    return JSON.parse(readFileSync(path, 'utf8')) as GuardRecord
  }

  switchOver(): Promise<unknown> {
    return ask(this.#answering.socket, '/database', { verb: 'switchover', database: 'orders' })
  }

  async approve(): Promise<void> {
    try {
      await ask(this.#answering.socket, '/database', { verb: 'approve', database: 'orders' })
    } catch (thrown) {
      // There was none to look at.
      if (!(thrown instanceof Fault && thrown.code === 'refused')) throw thrown
    }
  }

  async ids(place: Place): Promise<ReadonlySet<number>> {
    const rows = await this.#run(place, [`SELECT id FROM ${tableOf(place)}`])
    return new Set(rows.map(({ id }) => Number(id)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { agent } of this.places) agent?.kill('SIGKILL')
    for (const child of this.#children) child.kill('SIGKILL')
    for (const place of this.places) {
      this.#endGuards(place)
      this.#endEdges(place)
      const isRoot = process.getuid?.() === 0
      const { run } = databaseFolders(join(this.#root, place.name, 's'), isRoot)
      rmSync(run, { recursive: true, force: true })
    }
    await this.#network?.[Symbol.asyncDispose]()
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  /** They outlive their agent. */
  #endEdges({ name }: Place): void {
    const folder = join(this.#root, name, 's', 'edges')
    if (!existsSync(folder)) return
    for (const file of readdirSync(folder).filter((one) => one.endsWith('.json'))) {
      const text = readText(join(folder, file))
      if (text !== '') signalProcess(JSON.parse(text) as ProcessIdentity, 'SIGKILL')
    }
  }

  /** Servers end with their guards. */
  #endGuards({ name }: Place): void {
    const folder = join(this.#root, name, 's', 'databases', 'guards')
    for (const member of ['orders-1', 'orders-2', 'orders-3']) {
      const text = readText(join(folder, `${member}.json`))
      if (text !== '') signalProcess((JSON.parse(text) as GuardRecord).guard, 'SIGKILL')
    }
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if ((thrown as { code?: string }).code === 'ENOENT') return ''
    throw thrown
  }
}
