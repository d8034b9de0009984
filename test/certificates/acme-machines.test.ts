// Certificates of a cluster: two machines, an agent each, and one order. The edges of both answer
// the authority, and both show what it issued.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { connect as connectTls, type PeerCertificate } from 'node:tls'
import { ask } from '../../src/agent/client.ts'
import { statePaths } from '../../src/agent/paths.ts'
import { sweep } from '../../src/agent/sweep.ts'
import { initKeys } from '../../src/control/doors/init.ts'
import { formatKeys, readKeys } from '../../src/control/doors/keys.ts'
import type { JournalEntry } from '../../src/control/journal.ts'
import { openEmbedded } from '../engines/embedded.ts'
import { openPebble, pebbleMissing } from '../engines/pebble.ts'
import { freePorts, until } from '../engines/waiting.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

/** A machine of the cluster: its agent is a process of its own. */
interface TestMachine {
  readonly name: string
  readonly folder: string
  readonly plain: number
  readonly secure: number
  agent: ChildProcess | undefined
}

const state = (machine: TestMachine) =>
  statePaths(join(machine.folder, 'alwayson.yaml'), join(machine.folder, 's'))

const variables = ({ plain, secure }: TestMachine) => ({
  ALWAYSON_PLAIN: String(plain),
  ALWAYSON_SECURE: String(secure),
})

function up(machine: TestMachine): void {
  const { folder } = machine
  const argv = [main, 'up', 'alwayson.yaml', '--state', join(folder, 's')]
  const { ALWAYSON_STATE: _, ALWAYSON_KEYS: __, ...rest } = process.env
  const env = { ...rest, ...variables(machine) }
  const log = openSync(join(folder, 'agent.log'), 'a')
  machine.agent = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', log, log] })
  closeSync(log)
}

function journal({ folder }: TestMachine): readonly JournalEntry[] {
  try {
    const text = readFileSync(join(folder, 's', 'journal.jsonl'), 'utf8')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as JournalEntry)
  } catch (thrown) {
    if ((thrown as { code?: string }).code === 'ENOENT') return []
    throw thrown
  }
}

const said = ({ folder }: TestMachine): string => readFileSync(join(folder, 'agent.log'), 'utf8')

const noted = (machines: readonly TestMachine[], rule: string): number =>
  machines.flatMap(journal).filter((entry) => entry.rule === rule).length

/** What a machine shows; undefined while it cannot be reached. */
const shown = ({ secure }: TestMachine): Promise<PeerCertificate | undefined> =>
  new Promise((resolve) => {
    const address = { port: secure, host: '127.0.0.1', servername: 'shop.example' }
    const socket = connectTls({ ...address, rejectUnauthorized: false })
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.once('error', () => resolve(undefined))
  })

/** What a machine answers; undefined while it does not. */
const hello = ({ plain }: TestMachine): Promise<string | undefined> =>
  fetch(`http://127.0.0.1:${plain}/`).then(
    (answer) => answer.text(),
    () => undefined,
  )

/** Ends its agent at once, and waits until it has. */
async function end({ agent }: TestMachine): Promise<void> {
  if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return
  const ended = new Promise((resolve) => agent.once('exit', resolve))
  agent.kill('SIGKILL')
  await ended
}

/** The part of the file that asks for a certificate. */
const secured = (directory: string, challenge: string): string => `
  secure:
    bind: "127.0.0.1:\${env.ALWAYSON_SECURE}"
    routes: [{ host: shop.example, to: web }, { host: www.shop.example, to: web }]
    tls:
      acme:
        { directory: "${directory}", agree_to_terms: true, ca: ca.pem, challenge: ${challenge} }
`

/** In front of all machines, as their names lead to all: each connection to the next one. */
async function openRoundRobin(ports: readonly number[]): Promise<Server & { asked: number }> {
  const server = Object.assign(
    createTcpServer((client) => {
      const target = connect(ports[server.asked % ports.length]!, '127.0.0.1')
      server.asked += 1
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        from.on('error', () => to.destroy())
        from.pipe(to)
      }
    }),
    { asked: 0 },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** What both machines act on, with more in it. */
const fileText = (coordinator: number, origin: number, more: string): string => `
name: shop
machines: { a: 127.0.0.1, b: 127.0.0.2 }
coordination: { zookeeper: "127.0.0.1:${coordinator}" }
edges: 1
services:
  web: { servers: ["127.0.0.1:${origin}"], check: none }
frontends:
  plain: { bind: "127.0.0.1:\${env.ALWAYSON_PLAIN}", to: web }
${more}`

/** Two machines with their keys and this file; `ports` are their plain doors, then the others. */
async function openMachines(
  root: string,
  text: string,
  ca: string,
  ports: readonly number[],
): Promise<readonly TestMachine[]> {
  const keys = join(root, 'keys')
  const names = ['a', 'b']
  const subjects = names.map((name) => ({ name, hosts: ['127.0.0.1'] }))
  const made = { machines: subjects, renew: false, now: new Date() }
  await initKeys({ folder: keys, cluster: 'shop', ...made })
  return await Promise.all(
    names.map(async (name, at) => {
      const folder = join(root, name)
      mkdirSync(folder)
      const own = await readKeys(join(keys, `${name}.keys`))
      writeFileSync(join(folder, 'alwayson.keys'), formatKeys(own!), { mode: 0o600 })
      copyFileSync(ca, join(folder, 'ca.pem'))
      writeFileSync(join(folder, 'alwayson.yaml'), text)
      return { name, folder, plain: ports[at]!, secure: ports[2 + at]!, agent: undefined }
    }),
  )
}

/** What both show once it is of the authority. */
async function issued(machines: readonly TestMachine[]): Promise<readonly PeerCertificate[]> {
  let certificates: readonly (PeerCertificate | undefined)[] = []
  await until('both show one of the authority', async () => {
    certificates = await Promise.all(machines.map(shown))
    return certificates.every((one) => /Pebble/.test(String(one?.issuer.CN)))
  }).catch((thrown: unknown) => {
    throw new Error(machines.map(said).join('\n').slice(-6000), { cause: thrown })
  })
  return certificates as readonly PeerCertificate[]
}

/** Keys are for their user alone on each machine, and nowhere to be read in the coordinator. */
function assertKept(machines: readonly TestMachine[], coordinator: string): void {
  for (const { folder } of machines) {
    const kept = join(folder, 's', 'certificates', 'acme')
    for (const name of readdirSync(kept)) {
      assert.equal(statSync(join(kept, name)).mode & 0o777, 0o600, name)
    }
  }
  for (const name of readdirSync(coordinator, { recursive: true, encoding: 'utf8' })) {
    const path = join(coordinator, name)
    if (!statSync(path).isFile()) continue
    assert.doesNotMatch(readFileSync(path, 'latin1'), /PRIVATE KEY/, name)
  }
}

suite('certificates of a cluster', { skip: pebbleMissing() }, () => {
  for (const challenge of ['http-01', 'tls-alpn-01']) {
    test(`one orders by ${challenge}, both answer, and both show what was issued`, async () => {
      const root = mkdtempSync(join(tmpdir(), 'ao-acme-two-'))
      await using opened = new AsyncDisposableStack()
      opened.defer(() => rmSync(root, { recursive: true, force: true }))
      const origin = createServer((_, response) => response.end('hello'))
      await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
      opened.defer(() => void origin.close())
      const coordinator = opened.use(await openEmbedded({ folder: join(root, 'z') }))
      const ports = await freePorts(4)
      const asked = challenge === 'http-01' ? ports.slice(0, 2) : ports.slice(2)
      const front = await openRoundRobin(asked)
      opened.defer(() => void front.close())
      const { port } = front.address() as AddressInfo
      const pebble = opened.use(await openPebble({ httpPort: port, tlsPort: port }))
      const text = (more: string): string =>
        fileText(coordinator.port, (origin.address() as AddressInfo).port, more)
      const machines = await openMachines(root, text(''), pebble.ca, ports)
      opened.defer(async () => {
        await Promise.all(machines.map(end))
        for (const machine of machines) await sweep(state(machine))
      })
      for (const machine of machines) up(machine)
      // Both take part before anything is ordered.
      await until('both take part', () => noted(machines, 'takes-part') === 2)
      await until('both answer', async () => {
        const answers = await Promise.all(machines.map(hello))
        return answers.every((answer) => answer === 'hello')
      })
      const [one] = machines as [TestMachine, TestMachine]
      await ask(state(one).socket, '/apply', {
        path: join(one.folder, 'alwayson.yaml'),
        text: text(secured(pebble.directory, challenge)),
        ...{ env: variables(one), dryRun: false },
        // The other may have been the first to make the file the one in force.
        over: 0,
      })

      const [first, second] = await issued(machines)
      assert.equal(first?.fingerprint256, second?.fingerprint256)
      assert.equal(noted(machines, 'certificate-issued'), 1)
      await until('the other has told it', () => noted(machines, 'certificate-received') === 1)
      // Two names, asked for at one machine and at the other.
      assert.ok(front.asked >= 2, `${front.asked} questions of the authority`)
      assert.equal(noted(machines, 'certificate-not-issued'), 0)
      assertKept(machines, join(root, 'z'))
    })
  }
})
