// The servers behind the balancer: three processes, to be killed, frozen, upset and restarted.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { OriginMode } from './origin.ts'
import { freePorts } from './ports.ts'
import { type Child, start, until } from './processes.ts'

const entry = join(import.meta.dirname, 'origin.ts')

/** The servers by their place, from 0. */
export interface Origins extends AsyncDisposable {
  readonly ports: readonly number[]
  start(index: number): Promise<void>
  kill(index: number): Promise<void>
  /** Lets it finish what it has, and ends it. */
  stop(index: number): Promise<void>
  freeze(index: number): void
  thaw(index: number): void
  mode(index: number, mode: OriginMode): Promise<void>
  /** How many POSTs have been carried out by all of them. */
  posts(): number
}

/** Whether somebody listens on the port. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The status of one GET over a connection of its own; 0 when there is no answer. */
export function statusOf(port: number, path = '/'): Promise<number> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, timeout: 2000 })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(0))
    asked.on('response', (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    asked.end()
  })
}

/** Starts `count` servers on free ports; their output goes to files in `folder`. */
export async function openOrigins(count: number, folder: string): Promise<Origins> {
  const ports = await freePorts(count)
  const children: Child[] = []
  const work = join(folder, 'posts')
  const portOf = (index: number): number => ports[index] ?? 0
  const startOne = async (index: number): Promise<void> => {
    const name = `b${index + 1}`
    children[index] = start(process.execPath, [entry], {
      log: join(folder, `${name}.log`),
      env: { PORT: String(portOf(index)), NAME: name, WORK: work },
    })
    await until(`${name} listens`, () => listens(portOf(index)))
  }
  await Promise.all(ports.map((_, index) => startOne(index)))
  return {
    ports,
    start: startOne,
    kill: async (index) => children[index]?.stop('SIGKILL'),
    stop: async (index) => children[index]?.stop('SIGTERM'),
    freeze: (index) => children[index]?.signal('SIGSTOP'),
    thaw: (index) => children[index]?.signal('SIGCONT'),
    async mode(index, mode) {
      const status = await statusOf(portOf(index), `/mode/${mode}`)
      if (status !== 200) throw new Error(`b${index + 1} did not take up the mode ${mode}`)
    },
    posts() {
      try {
        return readFileSync(work, 'utf8').split('\n').length - 1
      } catch {
        return 0
      }
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.signal('SIGCONT')
      await Promise.all(children.map((child) => child.stop('SIGKILL')))
    },
  }
}
