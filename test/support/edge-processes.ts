// Edges as processes of their own, as an agent starts them, and nothing of them left afterwards.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AgentMessage,
  type EdgeMessage,
  edgeArguments,
  edgeNodeFlags,
} from '../../src/balancing/engines/native/protocol.ts'
import { type Link, openLink } from '../../src/control/link.ts'
import {
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
} from '../../src/control/processes.ts'
import { until } from './edge-bed.ts'

const entry = join(import.meta.dirname, '../../src/balancing/engines/native/main.ts')

/** A port that was free a moment ago: several processes are to share it. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : 0),
      )
    })
  })
}

/** One edge process with a link to it. */
export interface RunningEdge {
  readonly identity: ProcessIdentity
  readonly told: readonly EdgeMessage[]
  send(message: AgentMessage): void
  /** Opens another link, as the next agent would; what it hears is added to `told`. */
  relink(): Promise<Link<AgentMessage>>
  unlink(): void
  readonly exitCode: number | null | undefined
}

/** Those that run: an edge outlives whoever started it, and must not outlive its test. */
const living = new Set<ProcessIdentity>()
process.on('exit', () => {
  for (const identity of living) signalProcess(identity, 'SIGKILL')
})

/** Starts edges in a folder of their own; disposing ends what is left of them. */
export class EdgeProcesses implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'aoe-'))
  readonly #running: ProcessIdentity[] = []

  get handOverPath(): string {
    return join(this.folder, 'hand-over.sock')
  }

  /** `files`: so many may it have open, if it is told. */
  async start(edge: number, name: string, handOver?: string, files?: number): Promise<RunningEdge> {
    const path = join(this.folder, `${name}.sock`)
    const args = [...edgeNodeFlags, entry, ...edgeArguments(edge, path, handOver)]
    let exitCode: number | null | undefined
    const limited = ['-c', `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, ...args]
    const [command, words] = files === undefined ? [process.execPath, args] : ['/bin/sh', limited]
    const child = spawn(command, words, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.on('exit', (code) => {
      exitCode = code
    })
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    const identity = identify(child.pid ?? 0)
    if (identity === undefined) throw new Error('the edge did not start')
    this.#running.push(identity)
    living.add(identity)
    const told: EdgeMessage[] = []
    const relink = async (): Promise<Link<AgentMessage>> => {
      for (;;) {
        try {
          return await openLink<AgentMessage, EdgeMessage>(path, {
            message: (message) => void told.push(message),
            ended: () => undefined,
          })
        } catch (thrown) {
          if (exitCode !== undefined) throw new Error(`the edge ended: ${said}`, { cause: thrown })
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      }
    }
    let link = await relink()
    await until('a hello', () => told.some(({ kind }) => kind === 'hello'))
    return {
      identity,
      told,
      send: (message) => link.send(message),
      relink: async () => {
        link = await relink()
        return link
      },
      unlink: () => {
        link.close()
        child.stdout.destroy()
        child.stderr.destroy()
      },
      get exitCode() {
        return exitCode
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const identity of this.#running) signalProcess(identity, 'SIGKILL')
    await until('the end of all edges', () => !this.#running.some(isAlive))
    for (const identity of this.#running) living.delete(identity)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** How a process is called where processes are listed. */
export const titleOf = ({ pid }: ProcessIdentity): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
