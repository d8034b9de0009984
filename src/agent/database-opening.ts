// Opens a member that runs here, and opens it anew whenever it is to take another step towards TLS
// between machines, or back: its server runs on meanwhile, and is told what it can take.

import { waker } from '../coordination/recipes/persevere.ts'
import { wantedEncryption } from '../databases/durable-settings.ts'
import { encryptionOf } from '../databases/encryption.ts'
import type { DatabaseAccounts } from '../databases/engine.ts'
import type { MemberTls } from '../databases/member-tls.ts'
import { openKeeperStore } from '../databases/memory.ts'
import type { DatabasePlan, Encryption, MemberPlan } from '../databases/model.ts'
import { describeError } from '../foundation/fault.ts'
import { ms, sleep } from '../foundation/time.ts'
import { adoptMember } from './database-adoption.ts'
import type { Held } from './database-held.ts'
import {
  type LocalMember,
  type LocalMemberOptions,
  mustBear,
  openLocalMember,
} from './database-member.ts'
import type { AgentDatabasesOptions } from './database-options.ts'
import { type RefusedMember, tellRefused } from './database-refused.ts'

/** What members are opened with, beside what is held of their database. */
export interface OpeningOptions
  extends Pick<
    AgentDatabasesOptions,
    'folders' | 'clock' | 'version' | 'engines' | 'adopters' | 'services' | 'event'
  > {
  /** Others could be told to be primary while this process is cut off. */
  readonly leased: boolean
  readonly accountsOf: (plan: DatabasePlan) => DatabaseAccounts
  /** What this machine shows to the others; `undefined` where it is alone. */
  readonly certificate: MemberTls | undefined
}

/** A member that could not be opened (a full disk, a folder of another) is tried again. */
const againAfter = ms(3000)

/** Which member, and the plan that it is a member of: another one than that of now if it leaves. */
interface Opening {
  readonly held: Held
  readonly member: MemberPlan
  readonly plan: DatabasePlan
}

/** Opens a member; tries again for as long as that fails, and says why. */
export async function openMember(
  options: OpeningOptions,
  held: Held,
  member: MemberPlan,
  plan: DatabasePlan = held.plan,
): Promise<void> {
  const { clock, event, adopters, services } = options
  const { signal } = held.stop
  const opening = { held, member, plan }
  let trouble = ''
  while (!signal.aborted) {
    let refused: RefusedMember | undefined
    try {
      const step = stepOf(options, opening)
      const local = await localOptions(options, opening, step, (one) => {
        refused = one
      })
      if (member.adopt !== undefined) {
        const adopter = await adopters(plan.engine)
        await adoptMember({ ...local, adopter, services }, signal)
      }
      const opened = await openLocalMember(local)
      if (signal.aborted) return await opened.leave()
      held.members.push(opened)
      held.running.push(goOn(options, opening, opened, step))
      return
    } catch (thrown) {
      const why = describeError(thrown)
      if (why !== trouble) event('member-refused', member.name, why)
      trouble = why
      if (refused === undefined) await sleep(clock, againAfter, signal).catch(() => {})
      else await tellRefused(held.board, refused, againAfter, clock, signal)
    }
  }
}

async function localOptions(
  { folders, clock, version, engines, leased, accountsOf, certificate, event }: OpeningOptions,
  { held, member, plan }: Opening,
  encryption: Encryption,
  refused: LocalMemberOptions['refused'],
): Promise<LocalMemberOptions> {
  return {
    ...{ plan, member, board: held.board, folders, clock, version, leased, refused, encryption },
    ...{ accounts: accountsOf(plan), openMember: await engines(plan.engine) },
    tls: wantedEncryption(plan) === undefined ? undefined : certificate,
    event: (rule, why, seen) => event(rule, member.name, why, [], seen),
  }
}

/** As the record says; where nobody is heard yet, as it was when it was opened last. */
function stepOf({ folders }: OpeningOptions, { held, member, plan }: Opening): Encryption {
  const { record } = held.board.view()
  if (record !== undefined) return encryptionOf(plan, record)
  const { encryption } = openKeeperStore(folders.member(plan, member.name).memory).load()
  return encryption ?? encryptionOf(plan, undefined)
}

/** Takes each step that the record asks for, until the database is let go. */
async function goOn(
  options: OpeningOptions,
  opening: Opening,
  first: LocalMember,
  begun: Encryption,
): Promise<void> {
  const { held, member, plan } = opening
  const { signal } = held.stop
  const bell = waker()
  using _changes = held.board.onChange(bell.wake)
  let [opened, step, trouble] = [first, begun, '']
  while (!signal.aborted) {
    const { record } = held.board.view()
    const next = record === undefined ? step : encryptionOf(plan, record)
    const at = held.members.indexOf(opened)
    if (next !== step && at >= 0) {
      try {
        const local = await localOptions(options, opening, next, () => {})
        if (next !== 'plain') mustBear(local.tls, member)
        held.members.splice(at, 1)
        await opened.leave()
        opened = await openLocalMember(local)
      } catch (thrown) {
        const why = describeError(thrown)
        if (why !== trouble) options.event('encryption-refused', member.name, why)
        trouble = why
        if (!held.members.includes(opened)) return await openMember(options, held, member, plan)
        await sleep(options.clock, againAfter, signal).catch(() => {})
        continue
      }
      step = next
      held.members.push(opened)
      options.event('encryption', member.name, `members are to be at \`${step}\``)
      continue
    }
    await bell.wait(signal).catch(() => {})
  }
}
