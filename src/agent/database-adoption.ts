// Takes over one member whose server somebody else set up: waits until it is asked for and its
// turn, has the server ended and moves its data; a replica receives until the primary is ended.

import { waker } from '../coordination/recipes/persevere.ts'
import type { Adopter } from '../databases/adoption/adopter.ts'
import { judge } from '../databases/adoption/judge.ts'
import {
  endServer,
  isUsed,
  localServerAt,
  type Services,
  userOf,
} from '../databases/adoption/local.ts'
import type {
  AdoptedMember,
  AdoptionNote,
  Conflict,
  LocalServer,
  RunningServer,
} from '../databases/adoption/model.ts'
import { conflictsOfMoving, conflictsOfProcess, moveData } from '../databases/adoption/moving.ts'
import { readNote, writeNote } from '../databases/adoption/note.ts'
import { nextStep } from '../databases/adoption/steps.ts'
import { nothingPromised, openKeeperStore } from '../databases/memory.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import { ms } from '../foundation/time.ts'
import { type LocalMemberOptions, openServer } from './database-member.ts'

/** What a take-over stands on. */
export interface AdoptionOptions extends LocalMemberOptions {
  readonly adopter: Adopter
  readonly services: Services
}

/** Between two looks at what somebody else has to do. */
const lookEvery = ms(500)
/** What one look at a server may take. */
const lookWithin = 10_000
/** Of a server that is made ready, or to be ended. */
const readyWithin = 60_000

/**
 * Resolves once the member is ours, and its keeper may be opened: then its primary has been ended.
 * What goes wrong is told, and tried again for as long as it is asked for.
 */
export async function adoptMember(options: AdoptionOptions, signal: AbortSignal): Promise<void> {
  const { folders, plan, member, board } = options
  const path = folders.member(plan, member.name).adoption
  const bell = waker()
  using _changes = board.onChange(bell.wake)
  let said = ''
  const say = (rule: string, why: string): void => {
    if (said !== rule + why) options.event(rule, why)
    said = rule + why
  }
  for (;;) {
    signal.throwIfAborted()
    const note = readNote(path)
    if (note?.state === 'moved') {
      const isLate = note.primary !== member.name && !isKept(options)
      if (isLate) await keepFollowing(options, note, signal)
      return
    }
    try {
      const why = await goOn(options, note, path, signal)
      if (why === undefined) continue
      say('take-over-waits', why)
    } catch (thrown) {
      if (signal.aborted) throw thrown
      say('take-over-refused', describeError(thrown))
    }
    using _timer = options.clock.after(lookEvery, bell.wake)
    await bell.wait(signal)
  }
}

/**
 * Whether its keeper has carried out an order since: then all of it is over, and it may lead; an
 * agent that has just begun hears of no record yet.
 */
const isKept = ({ folders, plan, member }: AdoptionOptions): boolean =>
  openKeeperStore(folders.member(plan, member.name).memory).load().version > 0

/** The next step; resolves to why there is none yet. */
async function goOn(
  options: AdoptionOptions,
  note: AdoptionNote | undefined,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { plan, member, board, adopter } = options
  if (note?.state === 'stopping' && !isUsed(note.from)) {
    finish(options, note, path)
    return undefined
  }
  if (board.view().wish.request?.kind !== 'adopt') return 'alwayson apply says what it changes'
  const servers = await lookAtAll(
    plan.members.map((each) => adopted(options, each)),
    adopter,
    signal,
  )
  const own = servers.find((each) => each.member === member.name)
  const local = localServerAt(member.port)
  refuse([
    ...judge(plan, servers, adopter),
    ...(own === undefined ? [] : localConflicts(options, own, local)),
  ])
  const step = nextStep(member.name, servers)
  if (step.kind === 'wait') return step.why
  if (own === undefined || local === undefined) return 'nobody has seen it run'
  const ready = AbortSignal.any([signal, AbortSignal.timeout(readyWithin)])
  const begun: AdoptionNote = {
    ...{ state: 'prepared', from: own.folder, home: adopter.homeOf(local.program) },
    ...{
      user: userOf(local.uid),
      primary: member.name,
      inherited: own.inherited,
      seal: note?.seal ?? {},
    },
  }
  if (step.kind === 'prepare') {
    options.event('take-over-prepares', 'its servers have to know our accounts')
    const seal = await adopter.prepare(adopted(options, member), ready)
    writeNote(path, { ...begun, seal })
    return undefined
  }
  options.event('take-over', 'it was asked for, and it is this one’s turn', { server: local })
  await using ending = await adopter.beforeEnd(adopted(options, member), begun.seal, ready)
  const stopping = {
    ...begun,
    state: 'stopping',
    primary: step.primary,
    seal: ending.seal,
  } as const
  writeNote(path, stopping)
  await endServer(local, adopter.endSignal, options, signal)
  finish(options, stopping, path)
  return undefined
}

const adopted = (
  { plan, accounts }: AdoptionOptions,
  member: AdoptedMember['member'],
): AdoptedMember => ({ plan, member, accounts })

/** Its server has ended: what it has becomes ours. */
function finish(options: AdoptionOptions, note: AdoptionNote, path: string): void {
  const { plan, member, folders, adopter } = options
  const places = folders.member(plan, member.name)
  if (isUsed(note.from)) {
    throw new Fault('in-use', `something has started the server of ${member.name} again`, {
      remedy: 'find out what does, and keep it from that; it is tried again',
    })
  }
  moveData(note.from, places.data)
  adopter.settle(adopted(options, member), places.data, note.seal)
  // It has taken part in something, and is no beginning: all of them have to be heard.
  const epoch = Math.max(1, adopter.lineOf(note.seal))
  openKeeperStore(places.memory).save({ ...nothingPromised, epoch, promised: epoch })
  writeNote(path, { ...note, state: 'moved' })
}

/** What is seen of all servers. Rejects with one Fault for all that cannot be seen. */
export async function lookAtAll(
  members: readonly AdoptedMember[],
  adopter: Adopter,
  signal: AbortSignal,
): Promise<readonly RunningServer[]> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(lookWithin)])
  const looks = await Promise.allSettled(members.map((each) => adopter.look(each, within)))
  refuse(looks.flatMap((each) => (each.status === 'rejected' ? [conflictOf(each.reason)] : [])))
  return adopter.harmonise(looks.flatMap((e) => (e.status === 'fulfilled' ? [e.value] : [])))
}

const conflictOf = (thrown: unknown): Conflict => ({
  what: describeError(thrown),
  remedy: (thrown instanceof Fault ? thrown.remedy : undefined) ?? 'mend that, and apply again',
})

/** Throws one Fault that says all of them, and does nothing where there are none. */
export function refuse(conflicts: readonly Conflict[]): void {
  if (conflicts.length === 0) return
  throw new Fault('refused', conflicts.map(({ what }) => what).join('; '), {
    remedy: [...new Set(conflicts.map(({ remedy }) => remedy))].join('; '),
  })
}

/** What on this machine speaks against taking a member over. */
export function localConflicts(
  { plan, folders }: Pick<AdoptionOptions, 'plan' | 'folders'>,
  { member, address, folder, ours }: RunningServer,
  local: LocalServer | undefined,
): readonly Conflict[] {
  if (ours) return []
  const at = `${address.host}:${address.port}`
  const conflicts = conflictsOfProcess(member, at, local, { folder, user: plan.user })
  return conflicts.length > 0
    ? conflicts
    : conflictsOfMoving(member, folder, folders.member(plan, member).data)
}

/**
 * A replica that is ours, while its primary is not yet: runs and receives. No keeper tells of it
 * meanwhile, so nobody elects anybody before the primary has been ended.
 */
async function keepFollowing(
  options: AdoptionOptions,
  { primary }: AdoptionNote,
  signal: AbortSignal,
): Promise<void> {
  const { board, member, plan, clock } = options
  const source = plan.members.find(({ name }) => name === primary)
  if (source === undefined || isOver(options, primary)) return
  const { host, engine } = await openServer(options)
  const bell = waker()
  using _changes = board.onChange(bell.wake)
  using _process = host.onChange(bell.wake)
  let said = ''
  try {
    while (!isOver(options, primary)) {
      try {
        const { server } = await engine.look(
          AbortSignal.any([signal, AbortSignal.timeout(lookWithin)]),
        )
        // One that runs connects again by itself, whatever becomes of its primary.
        if (server !== 'replica' || said === '') {
          const { host: at, port } = source
          const order = { primary: { member: primary, host: at, port }, way: 'follow' } as const
          await engine.follow({ ...order, label: 'take-over', progress: () => {} }, signal)
          said = 'it receives from the primary that is not ours yet'
          options.event('taken-over', said)
        }
      } catch (thrown) {
        if (signal.aborted) throw thrown
        const why = describeError(thrown)
        if (said !== why) options.event('take-over-waits', why, { member: member.name })
        said = said === '' ? '' : why
      }
      using _timer = clock.after(lookEvery, bell.wake)
      await bell.wait(signal)
    }
  } finally {
    await engine[Symbol.asyncDispose]()
    host.leave()
  }
}

/** The primary has been ended, or is given up: from now on members say what they have. */
function isOver({ board }: AdoptionOptions, primary: string): boolean {
  const { members, record, wish } = board.view()
  const hasBegun = record !== undefined && record.phase.kind !== 'new'
  const isGivenUp = wish.request?.kind === 'accept-data-loss'
  return hasBegun || isGivenUp || members.some(({ member }) => member === primary)
}
