// A replicated database to be broken: as processes of one machine, or on three machines that are
// network namespaces. Knows how to find its servers, and who writes.

import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../../src/agent/client.ts'
import type { Status } from '../../src/agent/model.ts'
import { initKeys } from '../../src/control/doors/init.ts'
import { formatKeys, readKeys } from '../../src/control/doors/keys.ts'
import type { GuardRecord } from '../../src/databases/guard/protocol.ts'
import type { DatabaseOverview } from '../../src/databases/overview.ts'
import { Fault } from '../../src/foundation/fault.ts'
import { until } from '../../test/engines/waiting.ts'
import { openNetwork, type TestMachine, type TestNetwork } from '../../test/hosts/namespaces.ts'
import { cleansUp, isClean } from '../lib/cleanup.ts'
import { restingPorts } from '../lib/ports.ts'
import { endThoseOf } from './leftovers.ts'
import { listsTable, valuesOf } from './lists.ts'
import { Place } from './place.ts'
import type { Target } from './session.ts'

/** What is broken. */
export interface BedOptions {
  readonly engine: Target['engine']
  readonly where: 'processes' | 'machines'
  readonly durability: 'quorum' | 'async'
  /** The folder of the server's programs, unless they are found by themselves. */
  readonly home?: string
  /** Of machines: whether members show each other certificates; without it they do. */
  readonly tls?: boolean
  /** What clients wait at most when a machine is lost, unless it is as usual: `12s`. */
  readonly within?: string
}

/** A database with clients that write. */
export interface Bed extends AsyncDisposable {
  readonly options: BedOptions
  readonly places: readonly Place[]
  /** The machine that only has the coordinator, where there is one. */
  readonly coordinator: TestMachine | undefined
  restartCoordinator(): void
  /** Starts the client of a place that has lost its power. */
  write(place: Place): void
  placeOf(member: string): Place
  /** How it is, as a place whose agent answers has it. */
  look(): Promise<DatabaseOverview | undefined>
  /** Waits until its primary serves, all follow, their set is settled, and clients are answered. */
  well(): Promise<DatabaseOverview>
  /** The guard and the server of a member. */
  record(member: string): GuardRecord
  /** Begins a planned move. */
  switchOver(): Promise<unknown>
  /** As an operator would: failovers that nobody has looked at make the next one wait. */
  approve(): Promise<void>
  /** Every row of a place's own client that the primary has. */
  ids(place: Place): Promise<ReadonlySet<number>>
  /** Starts so many clients on each place that append to lists; gives back how they are ended. */
  append(clients: number): Promise<() => Promise<void>>
  /** Every list, as the primary has it. */
  lists(): Promise<ReadonlyMap<string, readonly number[]>>
}

const isGood = ({ standing }: DatabaseOverview['members'][number]): boolean => standing === 'good'

/** Between two looks at a bed that is not well yet, ms. */
const lookEvery = 50

/** Opens a bed and waits until it is well. */
export async function openBed(options: BedOptions): Promise<Bed> {
  const root = mkdtempSync(join(tmpdir(), 'ao-failover-'))
  // The servers' own user has to pass through.
  chmodSync(root, 0o711)
  const [write = 0, ...members] = await restingPorts(4)
  const network = options.where === 'machines' ? openNetwork(['a', 'b', 'c', 'z']) : undefined
  const bed = cleansUp(new OpenBed(options, root, network, write))
  try {
    await bed.open(members)
    return bed
  } catch (thrown) {
    await bed[Symbol.asyncDispose]()
    throw thrown
  }
}

/** A line of the database in the file, where there is a value. */
const lineOf = (key: string, value: unknown): string =>
  value === undefined ? '' : `    ${key}: ${value}\n`

class OpenBed implements Bed {
  readonly options: BedOptions
  readonly places: Place[] = []
  readonly coordinator: TestMachine | undefined
  readonly #root: string
  readonly #network: TestNetwork | undefined
  readonly #write: number
  readonly #coordinators: ChildProcess[] = []
  /** Where each member is, as was last said. */
  readonly #machines = new Map<string, string>()
  #target: Target | undefined

  constructor(options: BedOptions, root: string, network: TestNetwork | undefined, write: number) {
    this.options = options
    this.#root = root
    this.#network = network
    this.#write = write
    this.coordinator = network?.machines[3]
  }

  async open(ports: readonly number[]): Promise<void> {
    this.restartCoordinator()
    const machines = this.#network?.machines.slice(0, 3)
    const text = this.#file(ports, machines)
    const root = this.#root
    for (const machine of machines ?? [undefined]) {
      this.places.push(new Place({ name: machine?.name ?? 'one', root, machine, text }))
    }
    if (machines !== undefined) await this.#giveKeys(machines)
    for (const place of this.places) place.up()
    const serves = async (): Promise<boolean> => (await this.look())?.phase === 'serving'
    await until('it serves', serves, 180_000)
    this.#target = await this.#findTarget(this.#answering)
    for (const place of this.places) {
      await place.run(this.#found, [`CREATE TABLE ${place.table} (id INT PRIMARY KEY)`])
    }
    for (const place of this.places) place.write(this.#found)
    await this.well()
  }

  #file(ports: readonly number[], machines: readonly TestMachine[] | undefined): string {
    const { engine, durability, home, tls, within } = this.options
    const cluster =
      machines === undefined
        ? ''
        : `machines: { ${machines.map(({ name, address }) => `${name}: ${address}`).join(', ')} }
coordination: { zookeeper: "${this.coordinator?.address}:2181", session: 2s }`
    const failover = within && `{ within: ${within} }`
    const more = Object.entries({ home, tls, failover }).map(([key, value]) => lineOf(key, value))
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
${more.join('')}`
  }

  async #giveKeys(machines: readonly TestMachine[]): Promise<void> {
    const folder = join(this.#root, 'keys')
    const subjects = machines.map(({ name, address }) => ({ name, hosts: [address] }))
    const made = { folder, cluster: 'bench', machines: subjects, renew: false, now: new Date() }
    await initKeys(made)
    for (const place of this.places) {
      const keys = await readKeys(join(folder, `${place.name}.keys`))
      if (keys === undefined) throw new Error(`there are no keys of ${place.name}`)
      writeFileSync(join(place.folder, 'alwayson.keys'), formatKeys(keys), { mode: 0o600 })
    }
  }

  restartCoordinator(): void {
    const machine = this.coordinator
    if (machine === undefined) return
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
    const argv = [process.execPath, main, 'coordinator', '--bind', `${machine.address}:2181`]
    const where = { cwd: this.#root, log: join(this.#root, 'z.log') }
    const data = join(this.#root, 'z')
    this.#coordinators.push(machine.spawn([...argv, '--data', data], where))
  }

  write(place: Place): void {
    place.write(this.#found)
  }

  async #findTarget({ socket }: Place): Promise<Target> {
    const { url } = await ask(socket, '/database-url', { database: 'orders', door: 'write' })
    const { username, password, port, pathname } = new URL(url)
    const { engine } = this.options
    const database = pathname.slice(1)
    return { engine, host: '127.0.0.1', port: Number(port), user: username, password, database }
  }

  get #found(): Target {
    if (this.#target === undefined) throw new Error('the bed is not open yet')
    return this.#target
  }

  get #answering(): Place {
    const place = this.places.find(({ isUp }) => isUp)
    if (place === undefined) throw new Error('no agent runs')
    return place
  }

  placeOf(member: string): Place {
    if (this.#network === undefined) return this.places[0] as Place
    const machine = this.#machines.get(member)
    const place = this.places.find(({ name }) => name === machine)
    if (place === undefined) throw new Error(`nobody has said yet where ${member} is`)
    return place
  }

  async look(): Promise<DatabaseOverview | undefined> {
    for (const { socket } of this.places) {
      const status = await ask(socket, '/status', {}, AbortSignal.timeout(3000)).catch(
        (): Status | undefined => undefined,
      )
      const seen = status?.databases?.find(({ name }) => name === 'orders')
      if (seen === undefined || seen.phase === 'unknown') continue
      for (const { name, machine } of seen.members) this.#machines.set(name, machine ?? '')
      return seen
    }
    return undefined
  }

  async well(): Promise<DatabaseOverview> {
    let seen: DatabaseOverview | undefined
    const isWell = async (): Promise<boolean> => {
      await pause(lookEvery)
      seen = await this.look()
      const at = performance.timeOrigin + performance.now()
      const lately = this.places.every((place) => {
        const last = place.history().findLast(({ outcome }) => outcome === 'ok')
        return last !== undefined && at - last.completed < 1000
      })
      const isServing = seen?.phase === 'serving' && seen.members.every(isGood)
      // While the set is being changed one that just comes to it may not acknowledge yet.
      return lately && isServing && seen?.acks.length === 1
    }
    await until('all is well', isWell, 180_000).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}: ${JSON.stringify(seen)}`)
    })
    return seen as DatabaseOverview
  }

  record(member: string): GuardRecord {
    return this.placeOf(member).record(member)
  }

  switchOver(): Promise<unknown> {
    return ask(this.#answering.socket, '/database', { verb: 'switchover', database: 'orders' })
  }

  async approve(): Promise<void> {
    const asked = async (): Promise<boolean> => {
      try {
        await ask(this.#answering.socket, '/database', { verb: 'approve', database: 'orders' })
        return true
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        // There was none to look at. Else it cannot be asked yet: it has just come back.
        return thrown.code === 'refused'
      }
    }
    await until('an operator is answered', asked)
  }

  async ids(place: Place): Promise<ReadonlySet<number>> {
    const rows = await place.run(this.#found, [`SELECT id FROM ${place.table}`])
    return new Set(rows.map(({ id }) => Number(id)))
  }

  async append(clients: number): Promise<() => Promise<void>> {
    const target = this.#found
    await this.places[0]?.run(target, [listsTable])
    const ends = this.places.flatMap((place, at) =>
      Array.from({ length: clients }, (_, index) => place.append(target, at * clients + index)),
    )
    return async () => {
      await Promise.all(ends.map((end) => end()))
    }
  }

  async lists(): Promise<ReadonlyMap<string, readonly number[]>> {
    const rows = (await this.places[0]?.run(this.#found, ['SELECT k, v FROM lists'])) ?? []
    return new Map(rows.map(({ k, v }) => [String(k), valuesOf(String(v))]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const place of this.places) place.kill()
    for (const child of this.#coordinators) child.kill('SIGKILL')
    await endThoseOf([this.#root, ...this.places.map(({ sockets }) => sockets)])
    await this.#network?.[Symbol.asyncDispose]()
    for (const place of this.places) {
      place[Symbol.dispose]()
      rmSync(place.sockets, { recursive: true, force: true })
    }
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    isClean(this)
  }
}
