// Through which windows can one look in? Opens what the file asks for, and closes what it no longer
// asks for; nothing is closed before what takes its place is open, unless it stands in its way.

import { chmodSync, lstatSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
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
  /** Whether one that is open at `was` has to be closed before one can be opened at `where`. */
  readonly isInTheWay: (was: Where, where: Where) => boolean
  /** Makes of an open one at `was` one at `where`, as it stands; false where that cannot be. */
  readonly alter?: (was: Where, where: Where) => boolean
}

/** One that is open. */
interface OpenWindow {
  readonly where: object
  readonly door: Disposable
}

/** How what was done for a file is undone, in the order in which it was done. */
type Undo = (() => void | Promise<void>)[]

/** The windows of one agent. */
export class Windows implements Disposable {
  readonly #kinds: readonly WindowKind<object>[]
  readonly #lost: (thrown: unknown) => void
  #open = new Map<WindowKind<object>, OpenWindow>()
  /** One file after the other: what one leaves open is what the next one finds. */
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * `lost` hears why a window that had made room for one of a refused file could not be had again:
   * the next file that asks for it opens it.
   */
  constructor(kinds: readonly WindowKind<object>[], lost: (thrown: unknown) => void) {
    this.#kinds = kinds
    this.#lost = lost
  }

  /**
   * Opens what `spec` asks for and is not open, then has `apply` put it in force, then closes what
   * it does not ask for. Rejects as `apply` does, or with a Fault where a window cannot be had: the
   * windows are then as before. Files are taken one after the other.
   */
  change(spec: Spec, apply: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => this.#change(spec, apply))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #change(spec: Spec, apply: () => Promise<void>): Promise<void> {
    const next = new Map<WindowKind<object>, OpenWindow>()
    const undo: Undo = []
    try {
      for (const kind of this.#kinds) {
        const where = kind.wanted(spec)
        if (where !== undefined) next.set(kind, await this.#have(kind, where, undo))
      }
      await apply()
    } catch (thrown) {
      for (const step of undo.toReversed()) await step()
      throw thrown
    }
    for (const [kind, { door }] of this.#open) {
      if (next.get(kind)?.door !== door) door[Symbol.dispose]()
    }
    this.#open = next
  }

  async #have(kind: WindowKind<object>, where: object, undo: Undo): Promise<OpenWindow> {
    const known = this.#open.get(kind)
    if (known !== undefined) {
      if (isDeepStrictEqual(known.where, where)) return known
      if (kind.alter?.(known.where, where)) {
        undo.push(() => this.#alterBack(kind, known, where))
        return { where, door: known.door }
      }
      if (kind.isInTheWay(known.where, where)) {
        this.#close(kind, known)
        undo.push(() => this.#reopen(kind, known.where))
      }
    }
    const door = await kind.open(where)
    undo.push(() => door[Symbol.dispose]())
    return { where, door }
  }

  async #alterBack(kind: WindowKind<object>, known: OpenWindow, where: object): Promise<void> {
    if (kind.alter?.(where, known.where)) return
    this.#close(kind, known)
    await this.#reopen(kind, known.where)
  }

  #close(kind: WindowKind<object>, { door }: OpenWindow): void {
    door[Symbol.dispose]()
    this.#open.delete(kind)
  }

  async #reopen(kind: WindowKind<object>, where: object): Promise<void> {
    try {
      this.#open.set(kind, { where, door: await kind.open(where) })
    } catch (thrown) {
      this.#lost(thrown)
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
  isInTheWay: (was, where) => kind.isInTheWay(was as Where, where as Where),
  alter: (was, where) => kind.alter?.(was as Where, where as Where) ?? false,
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
export const openWindows = (
  telemetry: Telemetry,
  operate: () => Operate | undefined,
  lost: (thrown: unknown) => void,
): Windows => {
  const metrics = windowKind({
    wanted: (spec) => spec.metrics,
    open: async (bind) => {
      const { serveTelemetry } = await import('../telemetry/http.ts')
      return serveTelemetry(bind, () => telemetry.scene())
    },
    // One address may be among those that the other stands for.
    isInTheWay: (was, bind) => was.port === bind.port,
  })
  const statsSocket = windowKind({
    wanted: (spec) => spec.statsSocket,
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
    isInTheWay: (was, where) => was.path === where.path,
    alter: (was, { path, mode }) => was.path === path && letIn(path, mode),
  })
  return new Windows([metrics, statsSocket], lost)
}

/** Lets those whom `mode` names open the socket at `path`; false where there is none any more. */
function letIn(path: string, mode: number): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false
  chmodSync(path, mode)
  return true
}
