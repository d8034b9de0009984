// The embedded coordination server as a process of its own: to be killed, stopped and measured.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { EmbeddedServerOptions } from '../../src/coordination/embedded/server.ts'
import { freePorts, until } from './waiting.ts'

const main = join(import.meta.dirname, '../../src/coordination/embedded/main.ts')

type Options = Omit<EmbeddedServerOptions, 'folder' | 'port' | 'clock' | 'heard'>

/** A server in whatever state a test has brought it. Disposing it removes all of it. */
export interface EmbeddedProcess extends AsyncDisposable {
  readonly port: number
  readonly folder: string
  readonly pid: number
  /** What it has said so far. */
  readonly said: readonly string[]
  /** Starts it over the folder it had; resolves when it listens. */
  start(): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Ends it with a signal, and resolves with its exit code when it is gone. */
  end(name: NodeJS.Signals): Promise<number | null>
  /** The memory it holds, in bytes (VmRSS of proc(5)). */
  memory(): number
}

/** Starts a server in a folder of its own. */
export async function startEmbedded(options: Options = {}): Promise<EmbeddedProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'alwayson-embedded-'))
  const [port = 0] = await freePorts(1)
  const said: string[] = []
  let child: ChildProcess | undefined
  const server: EmbeddedProcess = {
    port,
    folder,
    said,
    get pid() {
      return child?.pid ?? 0
    },
    async start() {
      const argument = JSON.stringify({ ...options, folder, port })
      const started = spawn(process.execPath, [main, argument], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child = started
      let complaint = ''
      started.stderr.on('data', (chunk) => {
        complaint += chunk
      })
      let isListening = false
      createInterface(started.stdout).on('line', (line) => {
        said.push(line)
        if (line.startsWith('listening')) isListening = true
      })
      await until('the server listens', () => {
        if (started.exitCode !== null) throw new Error(`the server ended: ${complaint}`)
        return isListening
      })
    },
    signal: (name) => void child?.kill(name),
    end(name) {
      const ending = child
      if (ending === undefined) return Promise.resolve(null)
      if (ending.exitCode !== null || ending.signalCode !== null) {
        return Promise.resolve(ending.exitCode)
      }
      return new Promise((resolve) => {
        ending.once('exit', resolve)
        ending.kill(name)
      })
    },
    memory() {
      const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024
    },
    async [Symbol.asyncDispose]() {
      await server.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await server.start()
  } catch (thrown) {
    await server[Symbol.asyncDispose]()
    throw thrown
  }
  return server
}
