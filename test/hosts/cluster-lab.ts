// A cluster on machines of its own: agents, what they agree through, clients on every machine, and
// what the journals tell of who led and what was accepted.

import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clockLibrary } from '../../scripts/machine.ts'
import type { AgentApi } from '../../src/agent/api.ts'
import { ask } from '../../src/agent/client.ts'
import type { Status } from '../../src/agent/model.ts'
import { initKeys } from '../../src/control/doors/init.ts'
import { formatKeys, readKeys } from '../../src/control/doors/keys.ts'
import type { JournalEntry } from '../../src/control/journal.ts'
import { until } from '../engines/waiting.ts'
import { openNetwork, type TestMachine } from './namespaces.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

/** What the machines agree through. */
export type Agreement =
  /** An embedded server on a machine of its own. */
  | 'one-server'
  /** Apache ZooKeeper, managed on the three machines. */
  | 'ensemble'

const app = `
import { createServer } from 'node:http'
createServer((request, response) => response.end(process.env.ALWAYSON_REPLICA))
  .listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => process.exit(0))
`

/** Asks its machine's own door twenty times a second, and writes down what became of it. */
const client = `
import { appendFileSync } from 'node:fs'
import { get } from 'node:http'
setInterval(() => {
  const begun = Date.now()
  const done = (how) =>
    appendFileSync('answers', begun + ' ' + (Date.now() - begun) + ' ' + how + '\\n')
  get('http://127.0.0.1:8080/', (response) => {
    response.resume().on('end', () => done(response.statusCode)).on('error', () => done('cut'))
  }).on('error', (error) => done(error.code))
}, 50)
`

/** One request of a client. */
export interface Answer {
  readonly at: number
  readonly took: number
  readonly how: string
}

/** One machine of the cluster. */
export interface Host {
  readonly name: string
  readonly machine: TestMachine
  readonly folder: string
  /** Starts its agent. */
  up(): void
  /** The process of its agent. */
  readonly agent: ChildProcess
  /** What its agent says of everything; `within` ms, or it rejects. */
  status(within?: number): Promise<Status>
  /** Asks its agent, as the command line does. */
  ask<Path extends keyof AgentApi>(
    path: Path,
    question: AgentApi[Path]['ask'],
  ): Promise<AgentApi[Path]['answer']>
  /** All that its agents have written down. */
  journal(): readonly JournalEntry[]
  /** Starts a client on it. */
  request(): void
  /** Sets its clock so far ahead of the real time, or behind it; milliseconds. */
  setClock(ahead: number): void
  answers(): readonly Answer[]
}

/** What a server of an ensemble says of itself that serves. */
const modes: ReadonlySet<string> = new Set(['leader', 'follower'])

/** The whole lab. */
export interface ClusterLab extends AsyncDisposable {
  readonly hosts: readonly Host[]
  host(name: string): Host
  /** The machine of the one server, if there is one. */
  readonly server: TestMachine | undefined
  /** Starts a client on every host, and waits until each has had an answer. */
  request(): Promise<void>
  /** The host whose agent leads, as the others see it; undefined while they do not agree. */
  leader(): Promise<Host | undefined>
  /** Waits until every service is as it should be on all hosts named, or all. */
  well(hosts?: readonly Host[]): Promise<void>
  /**
   * Who was the first after `since` to lead instead of `before`, and when, as it was written down.
   * On a busy machine that may have happened just before `since`.
   */
  ledAfter(since: number, before: string): Promise<{ readonly at: number; readonly by: string }>
}

/**
 * Opens machines a, b and c with their agents up, and a service on all of them. With `clocks` each
 * has a clock of its own that can be set.
 */
export async function openClusterLab(agreement: Agreement, clocks = false): Promise<ClusterLab> {
  const root = mkdtempSync(join(tmpdir(), 'ao-cluster-'))
  const names = ['a', 'b', 'c']
  const network = openNetwork(agreement === 'one-server' ? [...names, 'z'] : names)
  const close = async (): Promise<void> => {
    await network[Symbol.asyncDispose]()
    rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  try {
    const server = network.machines[3]
    if (server !== undefined) openServer(server, root)
    const machines = network.machines.slice(0, 3)
    const subjects = machines.map(({ name, address }) => ({ name, hosts: [address] }))
    const folder = join(root, 'keys')
    await initKeys({ folder, cluster: 'shop', machines: subjects, renew: false, now: new Date() })
    const text = fileOf(machines, server)
    const hosts = await Promise.all(
      machines.map((one) => openHost(one, root, folder, text, clocks)),
    )
    for (const host of hosts) host.up()
    return labOf(hosts, server, close)
  } catch (thrown) {
    await close()
    throw thrown
  }
}

function fileOf(machines: readonly TestMachine[], server: TestMachine | undefined): string {
  const coordination =
    server === undefined
      ? '{ managed: true, session: 2s, memory: 128MiB }'
      : `{ zookeeper: "${server.address}:2181", session: 2s }`
  return `
name: shop
machines: { ${machines.map(({ name, address }) => `${name}: ${address}`).join(', ')} }
coordination: ${coordination}
edges: 1
services:
  web: { run: node app.mjs, replicas: 3, check: / }
frontends:
  public: { bind: "127.0.0.1:8080", to: web }
`
}

function openServer(server: TestMachine, root: string): void {
  const argv = [process.execPath, main, 'coordinator', '--bind', `${server.address}:2181`]
  server.spawn([...argv, '--data', join(root, 'z')], { cwd: root, log: join(root, 'z.log') })
}

async function openHost(
  machine: TestMachine,
  root: string,
  keys: string,
  text: string,
  clocks: boolean,
): Promise<Host> {
  const { name } = machine
  const folder = join(root, name)
  mkdirSync(folder)
  const own = await readKeys(join(keys, `${name}.keys`))
  writeFileSync(join(folder, 'alwayson.keys'), formatKeys(own!), { mode: 0o600 })
  writeFileSync(join(folder, 'alwayson.yaml'), text)
  writeFileSync(join(folder, 'app.mjs'), app)
  writeFileSync(join(folder, 'client.mjs'), client)
  const state = join(folder, 's')
  const clockFile = join(folder, 'clock')
  const setClock = (ahead: number): void => {
    const seconds = ahead / 1000
    writeFileSync(clockFile, `${seconds < 0 ? '' : '+'}${seconds}\n`)
  }
  setClock(0)
  let agent: ChildProcess | undefined
  return {
    ...{ name, machine, folder, setClock },
    up() {
      const argv = [process.execPath, main, 'up', 'alwayson.yaml', '--state', state]
      // What replicas run is found by name.
      const path = `${join(process.execPath, '..')}:${process.env.PATH}`
      const env = { PATH: path, ...(clocks ? otherClock(clockFile) : {}) }
      agent = machine.spawn(argv, { cwd: folder, log: join(folder, 'agent.log'), env })
    },
    get agent() {
      if (agent === undefined) throw new Error(`no agent was started on ${name}`)
      return agent
    },
    ask: (path, question) => ask(join(state, 'agent.sock'), path, question),
    status: (within = 60_000) =>
      ask(join(state, 'agent.sock'), '/status', {}, AbortSignal.timeout(within)),
    journal: () =>
      readLines(join(state, 'journal.jsonl')).map((line) => JSON.parse(line) as JournalEntry),
    request() {
      machine.spawn([process.execPath, 'client.mjs'], { cwd: folder, log: join(folder, 'c.log') })
    },
    answers: () =>
      readLines(join(folder, 'answers')).map((line) => {
        const [at = '', took = '', how = ''] = line.split(' ')
        return { at: Number(at), took: Number(took), how }
      }),
  }
}

/**
 * What gives a process and its children the clock that a file says. Only the wall's: what counts
 * steadily is the kernel's own, which no clock that is set moves, and files keep their times.
 */
const otherClock = (file: string): Readonly<Record<string, string>> => ({
  LD_PRELOAD: clockLibrary,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_CACHE_DURATION: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  NO_FAKE_STAT: '1',
})

/** The whole lines of a file; of none if it is not there. */
function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  } catch (thrown) {
    if ((thrown as { code?: string }).code === 'ENOENT') return []
    throw thrown
  }
}

function labOf(
  hosts: readonly Host[],
  server: TestMachine | undefined,
  close: () => Promise<void>,
): ClusterLab {
  const look = (host: Host): Promise<Status | undefined> => host.status(3000).catch(() => undefined)
  const isWell = (status: Status | undefined): boolean =>
    status?.cluster?.connected === true &&
    // An ensemble that has not all its servers back is not what the next fault is to meet.
    status.cluster.machines.every(({ server }) => server === undefined || modes.has(server)) &&
    status.services.every(({ up, wanted, servers }) => up === wanted && servers.length === wanted)
  return {
    ...{ hosts, server, [Symbol.asyncDispose]: close },
    host: (name) => hosts.find((host) => host.name === name)!,
    async request() {
      for (const host of hosts) host.request()
      await until('every client is answered', () => hosts.every((h) => h.answers().length > 0))
    },
    async leader() {
      const seen = await Promise.all(hosts.map(look))
      const leaders = new Set(
        seen.flatMap((status) =>
          status?.cluster?.connected ? [status.cluster.leader?.machine] : [],
        ),
      )
      const [name] = leaders
      return leaders.size === 1 ? hosts.find((host) => host.name === name) : undefined
    },
    async well(among = hosts) {
      let last: readonly (Status | undefined)[] = []
      await until('all is well', async () => {
        last = await Promise.all(among.map(look))
        return last.every(isWell)
      }).catch((thrown: unknown) => {
        throw new Error(`${String(thrown)}: ${JSON.stringify(last).slice(0, 6000)}`)
      })
    },
    async ledAfter(since, before) {
      let found: JournalEntry | undefined
      await until(`somebody leads instead of ${before}`, () => {
        const terms = termsOf(hosts)
        const last = terms.at(-1)
        found = terms.find(({ at, subject }) => at > since && subject !== before)
        if (last?.subject !== before) found ??= last
        return found !== undefined
      })
      return { at: found!.at, by: found!.subject }
    },
  }
}

/** Every time that somebody began to lead, in order. */
export const termsOf = (hosts: readonly Host[]): readonly JournalEntry[] =>
  hosts
    .flatMap((host) => host.journal().filter(({ rule }) => rule === 'leads'))
    .toSorted((a, b) => a.at - b.at)

/** Every placement that was accepted, in the order of its versions. */
export const acceptedOf = (
  hosts: readonly Host[],
): readonly { readonly epoch: number; readonly version: number }[] =>
  hosts
    .flatMap((host) => host.journal().filter(({ rule }) => rule === 'placement-accepted'))
    .map(({ seen }) => ({ epoch: Number(seen.epoch), version: Number(seen.version) }))
    .toSorted((a, b) => a.version - b.version)
