// Through which windows can one look in? Opens what the file asks for, and closes what it no longer
// asks for; nothing is closed before what takes its place is open.

import type { Spec } from '../spec/model.ts'
import type { Deeds } from '../telemetry/haproxy/words.ts'
import type { Core } from './core.ts'
import { limitFrontend, move, say, tell, weigh } from './said.ts'
import type { Telemetry } from './telemetry.ts'

/** One kind of window. */
export interface WindowKind<Where> {
  /** Where the file wants it. */
  readonly wanted: (spec: Spec) => Where | undefined
  /** Throws a Fault if it cannot be had. */
  readonly open: (where: Where) => Promise<Disposable>
}

/** What was opened for a file that is being applied: taken when it holds, else given back. */
export interface Opening extends Disposable {
  /** The file is in force: what it does not ask for is closed. */
  keep(): void
}

type OpenWindows = Map<WindowKind<object>, { readonly where: string; readonly door: Disposable }>

/** The windows of one agent. */
export class Windows implements Disposable {
  readonly #kinds: readonly WindowKind<object>[]
  #open: OpenWindows = new Map()

  constructor(kinds: readonly WindowKind<object>[]) {
    this.#kinds = kinds
  }

  /** Opens what `spec` asks for and is not open; throws a Fault, and nothing is changed. */
  async prepare(spec: Spec): Promise<Opening> {
    const next: OpenWindows = new Map()
    const fresh: Disposable[] = []
    const giveBack = (): void => {
      for (const door of fresh.splice(0)) door[Symbol.dispose]()
    }
    try {
      for (const kind of this.#kinds) {
        const wanted = kind.wanted(spec)
        if (wanted === undefined) continue
        const where = JSON.stringify(wanted)
        const known = this.#open.get(kind)
        if (known?.where === where) {
          next.set(kind, known)
          continue
        }
        const door = await kind.open(wanted)
        fresh.push(door)
        next.set(kind, { where, door })
      }
    } catch (thrown) {
      giveBack()
      throw thrown
    }
    return {
      keep: () => {
        fresh.length = 0
        for (const [kind, { door }] of this.#open) {
          if (next.get(kind)?.door !== door) door[Symbol.dispose]()
        }
        this.#open = next
      },
      [Symbol.dispose]: giveBack,
    }
  }

  [Symbol.dispose](): void {
    for (const { door } of this.#open.values()) door[Symbol.dispose]()
    this.#open.clear()
  }
}

/** A kind of window, of whatever it needs to know where. */
export const windowKind = <Where extends object>(kind: WindowKind<Where>): WindowKind<object> => ({
  wanted: kind.wanted,
  open: (where) => kind.open(where as Where),
})

/** Whether anybody outside can look at what is counted here. */
export const hasWindows = ({ metrics, statsSocket }: Spec): boolean =>
  metrics !== undefined || statsSocket !== undefined

/** How an operator's word is carried out: `Core.operate`. */
export type Operate = Core['operate']

/** HAProxy's words as what an operator says: kept, told in the journal, shown in the status. */
const deedsOf = (operate: Operate): Deeds => ({
  tell: (id, state) => operate(`server-${state}`, id, (world) => tell(world, id, state)),
  weigh: (id, weight) => operate('server-weight', id, (world) => weigh(world, id, weight)),
  move: (id, host, port) => operate('server-address', id, (world) => move(world, id, host, port)),
  limit: (id, maxConnections) =>
    operate('server-limit', id, (world) => say(world, id, { maxConnections })),
  limitFrontend: (name, most) =>
    operate('frontend-limit', name, (world) => limitFrontend(world, name, most)),
})

/** All kinds there are. What they need is loaded when the file asks for one. */
export const openWindows = (telemetry: Telemetry, operate: () => Operate | undefined): Windows =>
  new Windows([
    windowKind({
      wanted: ({ metrics }) => metrics,
      open: async (bind) => {
        const { serveTelemetry } = await import('../telemetry/http.ts')
        return serveTelemetry(bind, () => telemetry.scene())
      },
    }),
    windowKind({
      wanted: ({ statsSocket }) => statsSocket,
      open: async (where) => {
        const [{ serveWords }, { answerTo }] = await Promise.all([
          import('../telemetry/haproxy/socket.ts'),
          import('../telemetry/haproxy/words.ts'),
        ])
        return serveWords(where, (command) => {
          const scene = telemetry.scene()
          const now = operate()
          if (scene === undefined || now === undefined) return 'The agent is starting.\n'
          return answerTo(command, { scene, deeds: deedsOf(now) })
        })
      },
    }),
  ])
