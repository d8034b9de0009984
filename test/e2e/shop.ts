// A small shop in a folder of its own, run by the real command line: replicas whose behaviour a
// file decides, and a broom that ends whatever is left of it, process by process.

import { spawn } from 'node:child_process'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ServiceStatus, Status } from '../../src/agent/model.ts'
import { identify, signalProcess } from '../../src/control/processes.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

/** What a replica of the shop does, read when it starts. */
export interface Release {
  readonly version: string
  /** Ends at once. */
  readonly exits?: boolean
  /** Its check never passes. */
  readonly ill?: boolean
}

const app = `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
const release = JSON.parse(readFileSync('release.json', 'utf8'))
console.log('release ' + release.version + ' as ' + process.pid)
if (release.exits) process.exit(7)
createServer((request, response) => {
  const url = new URL(request.url, 'http://shop')
  if (url.pathname === '/health') response.statusCode = release.ill ? 503 : 200
  setTimeout(
    () => response.end(JSON.stringify({ version: release.version, pid: process.pid })),
    Number(url.searchParams.get('takes') ?? 0),
  )
}).listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
`

/** How a command ended, and all that it wrote. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A running command. */
export interface Running {
  readonly pid: number
  /** What it has written so far. */
  out(): string
  err(): string
  signal(name: NodeJS.Signals): void
  /** Reads nothing of it any more: its pipes are closed at this end. */
  hangUp(): void
  readonly ended: Promise<Ran>
}

/** See the first line. */
export interface Shop extends AsyncDisposable {
  readonly folder: string
  readonly port: number
  /** Runs `alwayson` in the shop's folder to its end. */
  run(...argv: readonly string[]): Promise<Ran>
  /** Starts it, for what does not end by itself. */
  start(...argv: readonly string[]): Running
  release(release: Release): void
  /** Writes the file; a test states what differs. */
  write(change?: { replicas?: number; run?: string; more?: string; port?: number }): void
  status(): Promise<Status>
  web(): Promise<ServiceStatus>
  /** One request through the frontend. */
  get(path?: string): Promise<{ readonly version: string; readonly pid: number }>
}

/** Opens a shop: nothing of it runs yet. Disposed, nothing of it runs any more. */
export async function openShop(): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), 'ao-'))
  const port = await freePort()
  const start = (...argv: readonly string[]): Running => startCommand(folder, argv)
  const shop: Shop = {
    folder,
    port,
    start,
    run: (...argv) => start(...argv).ended,
    release: (release) => writeFileSync(join(folder, 'release.json'), JSON.stringify(release)),
    write({ replicas = 2, run = 'node app.mjs', more = '', port: other = port } = {}) {
      writeFileSync(
        join(folder, 'alwayson.yaml'),
        `name: shop
edges: 2
services:
  web:
    run: ${run}
    replicas: ${replicas}
    check: { http: /health, every: 200ms, timeout: 1s }
    ready: 8s
    stop: { within: 2s }
    drain: 5s
${more}frontends:
  public: { bind: "127.0.0.1:${other}", to: web }
`,
      )
    },
    async status() {
      const { code, out, err } = await start('status', '--json').ended
      if (code !== 0) throw new Error(`status ended with ${code}: ${err}`)
      return JSON.parse(out) as Status
    },
    async web() {
      const { services } = await shop.status()
      return services.find(({ name }) => name === 'web')!
    },
    async get(path = '/') {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
      return (await response.json()) as { version: string; pid: number }
    },
    async [Symbol.asyncDispose]() {
      await sweep(folder)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  writeFileSync(join(folder, 'app.mjs'), app)
  shop.release({ version: 'one' })
  shop.write()
  return shop
}

function startCommand(folder: string, argv: readonly string[]): Running {
  const { ALWAYSON_STATE: _, NO_COLOR: __, ...env } = process.env
  const child = spawn(process.execPath, [main, ...argv], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  return {
    pid: child.pid!,
    out: () => out,
    err: () => err,
    signal: (name) => void child.kill(name),
    hangUp() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
    ended: new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, out, err }))
    }),
  }
}

/** Ends every process that works in `folder` or was started with its path, whoever started it. */
async function sweep(folder: string): Promise<void> {
  for (let left = belonging(folder); left.length > 0; left = belonging(folder)) {
    for (const pid of left) {
      const identity = identify(pid)
      if (identity !== undefined) signalProcess(identity, 'SIGKILL')
    }
    await wait(20)
  }
}

/** What still runs of a folder, as command lines: for a test to be empty. */
export const leftOf = (folder: string): readonly string[] =>
  belonging(folder).map((pid) => `${pid} ${commandOf(pid)}`)

/** The processes that belong to a folder. */
function belonging(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isIn(pid, folder) && identify(pid) !== undefined)
}

function isIn(pid: number, folder: string): boolean {
  return (
    ofProcess(() => readlinkSync(`/proc/${pid}/cwd`)) === folder || commandOf(pid).includes(folder)
  )
}

const commandOf = (pid: number): string =>
  ofProcess(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')

/** What /proc says of a process, which may end or be somebody else's: then nothing. */
function ofProcess(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = await listening()
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server that listens on a port of its own choice, or on `port`. */
export function listening(port = 0): Promise<Server> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

/** Waits until `holds` is true or gives a value; fails after a generous deadline. */
export async function until<T>(
  what: string,
  holds: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const value = await holds()
    if (value !== undefined && value !== false) return value
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await wait(50)
  }
}
