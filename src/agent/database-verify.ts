// Compares the members of a database, and has those copied anew that are not as the primary is.

import { servingMember } from '../databases/backups/places.ts'
import type { Task } from '../databases/backups/works.ts'
import type { DatabaseBoard } from '../databases/board.ts'
import { compareMembers } from '../databases/compare/compare.ts'
import { describeComparison } from '../databases/compare/describe.ts'
import { type MemberReader, type OpenReader, Unreadable } from '../databases/compare/engine.ts'
import type { Comparison } from '../databases/compare/model.ts'
import type { MemberAddress } from '../databases/engine.ts'
import type { DatabaseView, MemberPlan } from '../databases/model.ts'
import { Fault } from '../foundation/fault.ts'
import { type Clock, type Instant, ms, since, sleep } from '../foundation/time.ts'

/** What it stands on. */
export interface VerifyOptions {
  readonly open: () => Promise<OpenReader>
  readonly view: () => DatabaseView
  readonly board: DatabaseBoard
  readonly clock: Clock
  readonly event: (rule: string, why: string, seen?: Readonly<Record<string, unknown>>) => void
}

/** A copy of everything may take long. */
const copiedWithin = ms(6 * 3_600_000)
const lookEvery = ms(250)
/** What an operator asks for, and what a keeper tells, is known everywhere by then. */
const heardWithin = ms(10_000)

/** The work of `alwayson verify`. Throws a Fault where there is nothing to compare. */
export function verifyTask(options: VerifyOptions, repair: boolean): Task {
  const { plan } = options.view()
  const primary = servingMember(options.view())
  if (primary === undefined) {
    throw new Fault('refused', `${plan.name} has no primary now`, {
      remedy: `alwayson why ${plan.name}`,
    })
  }
  const others = plan.members.filter(({ name }) => name !== primary)
  if (others.length === 0) {
    throw new Fault('refused', `${plan.name} has one member: there is nothing to compare`, {
      remedy: 'a trial restore reads all of it: `backups: { try_every: 7d }`',
    })
  }
  return async (progress, signal) => {
    const seen = await compare(options, primary, others, undefined, progress, signal)
    const line = describeComparison(seen)
    if (seen.differences.length > 0) options.event('members-differ', line, { ...seen })
    const differing = [...new Set(seen.differences.map(({ member }) => member))]
    if (differing.length === 0 && seen.left.length === 0) return line
    if (differing.length === 0 || !repair) throw new Fault('failed', line, remedyFor(plan.name))
    for (const member of differing) {
      // A copy comes from whoever leads: that may be the very one that is to be mended.
      if (servingMember(options.view()) !== primary) {
        const why = `${member} is not copied anew: ${primary} does not lead any more`
        throw new Fault('refused', why, {
          remedy: `compare with whoever leads now: alwayson verify ${plan.name}`,
        })
      }
      await copyAnew(options, member, progress, signal)
    }
    const tables = new Set(seen.differences.map(({ table }) => table))
    const again = others.filter(({ name }) => differing.includes(name))
    const now = await compare(options, primary, again, tables, progress, signal)
    const after = describeComparison(now)
    if (now.differences.length > 0 || now.left.length > 0) throw new Fault('failed', after)
    return `${line}; copied anew: ${after}`
  }
}

const remedyFor = (name: string) => ({
  remedy: `to copy anew what differs: alwayson verify ${name} --repair`,
})

const addressOf = ({ name, host, port }: MemberPlan): MemberAddress => ({
  ...{ member: name, host, port },
})

async function compare(
  { open, view, clock }: VerifyOptions,
  primary: string,
  others: readonly MemberPlan[],
  only: ReadonlySet<string> | undefined,
  progress: Parameters<Task>[0],
  signal: AbortSignal,
): Promise<Comparison> {
  const reader = await open()
  using opened = new DisposableStack()
  const openOne = async (member: MemberPlan): Promise<MemberReader> =>
    opened.use(await reader(addressOf(member), signal))
  const lead = view().plan.members.find(({ name }) => name === primary)
  if (lead === undefined) throw new Fault('not-found', `there is no member ${primary} any more`)
  const members: { name: string; reader: MemberReader }[] = []
  for (const each of others) members.push({ name: each.name, reader: await openOne(each) })
  try {
    const first = await openOne(lead)
    return await compareMembers({ clock, primary: first, members, only, progress }, signal)
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause
    throw new Fault('corrupt', `${primary} is primary and cannot read what it has`, {
      remedy: `have another lead that can: alwayson switchover ${view().plan.name}`,
      cause,
    })
  }
}

/** As `alwayson reinit` does; resolves when the member follows with the copy. */
async function copyAnew(
  { view, board, clock }: VerifyOptions,
  member: string,
  progress: Parameters<Task>[0],
  signal: AbortSignal,
): Promise<void> {
  const id = String(Math.floor(clock.now()))
  await board.ask((before) => ({ ...before, request: { kind: 'reinit', member, id } }), signal)
  const begun = clock.now()
  let missing: Instant | undefined
  for (;;) {
    const { members, request } = view()
    const seen = members.find((each) => each.member === member)
    if (seen?.copiedFor === id && seen.upstream !== undefined && request === undefined) return
    const isAsked = request?.kind === 'reinit' && request.id === id
    missing = isAsked || seen?.copiedFor === id ? undefined : (missing ?? clock.now())
    // What is asked for, and what has come of it, may be heard of one after the other.
    if (missing !== undefined && since(missing, clock.now()) >= heardWithin) {
      throw new Fault('refused', `${member} is not copied anew: something else was asked for`, {
        remedy: remedyFor(view().plan.name).remedy,
      })
    }
    const { done = 0, of } = seen?.busy ?? {}
    progress({ step: `copying ${member} anew`, done, of })
    if (since(begun, clock.now()) > copiedWithin) {
      throw new Fault('timed-out', `${member} has not been copied anew in time`, {
        remedy: `alwayson why ${member}`,
      })
    }
    await sleep(clock, lookEvery, signal)
  }
}
