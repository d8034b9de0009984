// Decides about one database for as long as nobody else does: looks at the board, lets the rules
// decide, and writes down what follows.

import type { Decision } from '../control/rules.ts'
import { waker } from '../coordination/recipes/persevere.ts'
import { type Clock, type Instant, type Milliseconds, ms, since } from '../foundation/time.ts'
import { type DecidingBoard, firstRecord, type OperatorWish, type Order } from './board.ts'
import { decide } from './decide.ts'
import type {
  DatabaseAction,
  DatabaseObservation,
  DatabaseRecord,
  DatabaseWish,
  MemberSighting,
  Request,
} from './model.ts'
import { isFulfilled } from './requests.ts'

/** What deciding takes. */
export interface LeadOptions {
  readonly board: DecidingBoard
  readonly clock: Clock
  /** What the file in force asks for; undefined while that is not known. */
  readonly wish: () => DatabaseWish | undefined
  /** Told whenever another rule decides, and for every decision that does something. */
  readonly decided: (decision: Decision<DatabaseAction>, seen: DatabaseObservation) => void
  /** Told after every look whose decision was carried out, or that had nothing to do. */
  readonly carriedOut?: () => void
}

/** How often it looks although nothing has changed: bounds pass in silence. */
const lookEvery = ms(100)

/** After a pause of this process that was longer, nobody is called silent for it. */
const pauseLeast = ms(500)

/**
 * Decides until the signal is aborted. Rejects when a write fails, or is refused: somebody else
 * decides.
 */
export async function leadDatabase(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const { board, clock } = options
  const patience = new Patience()
  const bell = waker()
  using _changes = board.onChange(bell.wake)
  let last = ''
  for (;;) {
    signal.throwIfAborted()
    const wish = options.wish()
    const now = clock.now()
    patience.look(now)
    if (wish !== undefined) {
      const { record = firstRecord, members, wish: asked, listeningSince } = board.view()
      const seen: DatabaseObservation = {
        ...{ now, wish, record, paused: asked.paused, request: asked.request, listeningSince },
        members: members.map((each) => patience.forgive(each)),
      }
      const decision = decide(seen)
      if (decision.rule !== last || decision.actions.some(isRecord)) options.decided(decision, seen)
      last = decision.rule
      await carryOut(board, decision.actions, seen, signal)
      if (isFulfilled(seen)) await board.ask((now) => without(seen.request, now), signal)
      options.carriedOut?.()
    }
    using _timer = clock.after(lookEvery, bell.wake)
    await bell.wait(signal)
  }
}

/** Whoever has asked for something else meanwhile still gets it. */
const without = (request: Request | undefined, before: OperatorWish): OperatorWish =>
  JSON.stringify(before.request) === JSON.stringify(request)
    ? { ...before, request: undefined }
    : before

const isRecord = ({ kind }: DatabaseAction): boolean => kind === 'record'

async function carryOut(
  board: DecidingBoard,
  actions: readonly DatabaseAction[],
  seen: DatabaseObservation,
  signal: AbortSignal,
): Promise<void> {
  const recording = actions.find((action) => action.kind === 'record')
  if (recording === undefined) return await board.order(ordersOf(actions, seen.record), signal)
  // What follows from it is ordered in the same breath: clients may be waiting.
  const { record } = recording
  const next = decide({ ...seen, record }).actions
  const orders = next.some(isRecord) ? undefined : ordersOf(next, record)
  // Whether or not it was written: the next look shows what stands there now.
  await board.write(record, orders, signal)
}

const ordersOf = (
  actions: readonly DatabaseAction[],
  { epoch, version }: DatabaseRecord,
): ReadonlyMap<string, Order> =>
  new Map(
    actions.flatMap((action) =>
      action.kind === 'record' ? [] : [[action.member, { action, epoch, version }] as const],
    ),
  )

/**
 * While this process stood still it heard nobody; that is no silence of theirs. What was heard
 * before a pause counts as heard that much later.
 */
class Patience {
  #last: Instant | undefined
  #paused: { readonly at: Instant; readonly for: Milliseconds }[] = []

  look(now: Instant): void {
    if (this.#last !== undefined) {
      const gap = since(this.#last, now)
      if (gap > pauseLeast) this.#paused.push({ at: this.#last, for: gap })
    }
    this.#paused = this.#paused.slice(-10)
    this.#last = now
  }

  forgive(sighting: MemberSighting): MemberSighting {
    const missed = this.#paused
      .filter(({ at }) => sighting.heard <= at)
      .reduce((sum, pause) => sum + pause.for, 0)
    return missed === 0 ? sighting : { ...sighting, heard: (sighting.heard + missed) as Instant }
  }
}
