// Apache ZooKeeper, alone or as an ensemble, for as long as a test needs it: Debian's package run
// straight from java, on free ports, in a folder of its own that goes with it.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, until } from './waiting.ts'

const jars = '/usr/share/java'
/** What zookeeper.jar's own manifest does not pull in, and it cannot start or speak without. */
const classPath = [
  'slf4j-simple.jar',
  'servlet-api.jar',
  'jetty9-util-ajax.jar',
  'netty-resolver.jar',
  'netty-codec.jar',
  'netty-transport-native-unix-common.jar',
  'zookeeper.jar',
].map((jar) => join(jars, jar))

/** Why Apache ZooKeeper cannot run here; `false` when it can. Made for `test(…, { skip })`. */
export function zookeeperMissing(): string | false {
  const needed = [join(jars, 'zookeeper.jar'), join(jars, 'servlet-api.jar'), '/usr/bin/java']
  const missing = needed.filter((path) => !existsSync(path))
  return missing.length === 0
    ? false
    : `${missing.join(', ')} is missing: apt-get install zookeeper libservlet-api-java`
}

/** The class path that a Java program needs to be a client of it. */
export const zookeeperClassPath = classPath.join(':')

type Settings = Readonly<Record<string, string | number | boolean>>

/** How it is to run. */
export interface ZooKeeperOptions {
  /** Lines of zoo.cfg, over those that every test server has. */
  readonly config?: Settings
  /** Java system properties. */
  readonly properties?: Settings
}

/** One server, in whatever state a test has brought it. Disposing it removes all of it. */
export interface ZooKeeperServer extends AsyncDisposable {
  /** Where clients connect, on 127.0.0.1; the same after a restart. */
  readonly port: number
  /** Sends its process a signal: SIGSTOP and SIGCONT. */
  signal(name: NodeJS.Signals): void
  /** Ends it at once, and resolves when it is gone. Its data stay. */
  kill(): Promise<void>
  /** Starts it, over the data it had, and resolves when it serves. */
  start(): Promise<void>
  /** What it answers to a four-letter word. Rejects when nobody listens. */
  ask(word: string): Promise<string>
}

/** Servers that elect a leader. */
export interface ZooKeeperEnsemble extends AsyncDisposable {
  readonly servers: readonly ZooKeeperServer[]
  /** `host:port,…` of all of them. */
  readonly hosts: string
  /** The server that leads at the moment of asking; rejects if none does within 30 s. */
  leader(): Promise<ZooKeeperServer>
}

/** Sends one of ZooKeeper's four-letter words to a port of 127.0.0.1. */
export function fourLetterWord(port: number, word: string, within = 2000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(word))
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(within, () => socket.destroy(new Error(`no answer to ${word}`)))
    socket.on('data', (text) => {
      answer += text
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

const lines = (settings: Settings): string =>
  Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')

/** setpriv ties the server's life to ours: a test that is killed leaves none behind. */
const command = (properties: Settings, config: string): readonly string[] => [
  ...['/usr/bin/setpriv', '--pdeathsig', 'KILL'],
  ...['/usr/bin/java', '-Xms16m', '-Xmx96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
  ...['-cp', zookeeperClassPath, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config],
]

/** A server that is not started yet, in a folder that is there. */
function serverIn(folder: string, port: number, options: ZooKeeperOptions): ZooKeeperServer {
  const config = join(folder, 'zoo.cfg')
  const log = join(folder, 'zookeeper.log')
  const settings = {
    tickTime: 500,
    initLimit: 20,
    syncLimit: 10,
    dataDir: folder,
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    maxClientCnxns: 0,
    preAllocSize: 1024,
    '4lw.commands.whitelist': '*',
    'admin.enableServer': false,
    ...options.config,
  }
  const properties = {
    'file.encoding': 'UTF-8',
    'zookeeper.extendedTypesEnabled': true,
    ...options.properties,
  }
  let child: ChildProcess | undefined
  let gone: Promise<unknown> = Promise.resolve()

  const ask = (word: string): Promise<string> => fourLetterWord(port, word)
  const kill = async (): Promise<void> => {
    child?.kill('SIGKILL')
    await gone
  }
  return {
    port,
    ask,
    kill,
    signal: (name) => {
      child?.kill(name)
    },
    async start() {
      // Reconfiguration rewrites the file, so every start begins with a fresh one.
      writeFileSync(config, lines(settings))
      const output = openSync(log, 'a')
      const [program = '', ...rest] = command(properties, config)
      const started = spawn(program, rest, { cwd: folder, stdio: ['ignore', output, output] })
      closeSync(output)
      child = started
      gone = new Promise((resolve) => started.once('close', resolve))
      await until(`ZooKeeper serves at ${port}`, async () => {
        if (started.exitCode !== null) {
          throw new Error(`ZooKeeper ended:\n${readFileSync(log, 'utf8').slice(-2000)}`)
        }
        return (await ask('srvr').catch(() => '')).includes('Mode:')
      })
    },
    async [Symbol.asyncDispose]() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'alwayson-zookeeper-'))

/** Starts one server, alone. */
export async function openZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperServer> {
  const [port = 0] = await freePorts(1)
  const server = serverIn(newFolder(), port, options)
  try {
    await server.start()
  } catch (thrown) {
    await server[Symbol.asyncDispose]()
    throw thrown
  }
  return server
}

/** Starts an ensemble of three. */
export async function openEnsemble(options: ZooKeeperOptions = {}): Promise<ZooKeeperEnsemble> {
  const ids = [1, 2, 3] as const
  const ports = await freePorts(ids.length * 3)
  const [clients, peers, elections] = [ports.slice(0, 3), ports.slice(3, 6), ports.slice(6)]
  const members = Object.fromEntries(
    ids.map((id, at) => [
      `server.${id}`,
      `127.0.0.1:${peers[at]}:${elections[at]}:participant;127.0.0.1:${clients[at]}`,
    ]),
  )
  const servers = ids.map((id, at) => {
    const folder = newFolder()
    writeFileSync(join(folder, 'myid'), `${id}\n`)
    return serverIn(folder, clients[at] ?? 0, {
      ...options,
      config: { reconfigEnabled: false, ...members, ...options.config },
    })
  })
  const leader = async (): Promise<ZooKeeperServer> => {
    let found: ZooKeeperServer | undefined
    await until('a server leads', async () => {
      for (const server of servers) {
        const answer = await server.ask('srvr').catch(() => '')
        if (answer.includes('Mode: leader')) found = server
      }
      return found !== undefined
    })
    return found as ZooKeeperServer
  }
  const ensemble: ZooKeeperEnsemble = {
    servers,
    hosts: clients.map((port) => `127.0.0.1:${port}`).join(','),
    leader,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
    },
  }
  try {
    await Promise.all(servers.map((server) => server.start()))
  } catch (thrown) {
    await ensemble[Symbol.asyncDispose]()
    throw thrown
  }
  return ensemble
}
