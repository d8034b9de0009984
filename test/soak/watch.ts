// What do the processes of one file hold: memory of their own, and file descriptors? Reads /proc.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Status } from '../../src/agent/model.ts'
import { identify, isAlive, type ProcessIdentity } from '../../src/control/processes.ts'
import type { Life, Sample } from './verdict.ts'

interface Watched extends Life {
  readonly samples: Sample[]
}

/** Lives of the agent, the edges and the guards, as they come and go. */
export class Watch {
  /** By process and start: ids are used again. */
  readonly #lives = new Map<string, { life: Watched; identity: ProcessIdentity }>()
  readonly #state: string

  constructor(state: string) {
    this.#state = state
  }

  get lives(): readonly Life[] {
    return [...this.#lives.values()].map(({ life }) => life)
  }

  /** Looks at all that runs, `at` seconds after the beginning. */
  look(at: number, status: Status | undefined): void {
    if (status !== undefined) {
      this.#meet(status.agent.pid, 'agent')
      for (const { edge, pid } of status.edges) this.#meet(pid, `edge ${edge}`)
    }
    for (const [id, pid] of guardsIn(this.#state)) this.#meet(pid, `guard ${id}`)
    for (const { life, identity } of this.#lives.values()) {
      const seen = isAlive(identity) ? look(life.pid) : undefined
      if (seen !== undefined) life.samples.push({ at, ...seen })
    }
  }

  #meet(pid: number, name: string): void {
    const identity = identify(pid)
    if (identity === undefined) return
    const key = `${pid} ${identity.startTicks}`
    if (this.#lives.has(key)) return
    this.#lives.set(key, { life: { name, pid, samples: [] }, identity })
  }
}

function look(pid: number): Omit<Sample, 'at'> | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const anonymous = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN)
    if (Number.isNaN(anonymous)) return undefined
    return { memory: anonymous / 1024, files: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    // It has ended.
    return undefined
  }
}

function guardsIn(state: string): readonly (readonly [id: string, pid: number])[] {
  const folder = join(state, 'guards')
  return namesIn(folder).flatMap((name) => {
    if (!name.endsWith('.json')) return []
    const pid = pidIn(join(folder, name))
    return pid === undefined ? [] : [[name.slice(0, -'.json'.length), pid] as const]
  })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function pidIn(path: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { guard: { pid: number } }).guard.pid
  } catch {
    // It was removed between two looks.
    return undefined
  }
}
