// What do the backups of a database need next? An ordered table: the first row that holds decides.
// Pure.

import type { Decision } from '../../control/rules.ts'
import { firstMatch, type Rule } from '../../control/rules.ts'
import { ms, since } from '../../foundation/time.ts'
import type { BackupAction, BackupObservation, Base, KeptHistory, Trial } from './model.ts'

/** After a failure the next try waits, twice as long with every one that follows. */
const retry = { least: 30_000, most: 3_600_000 }

/** The observation, sorted for the rules. */
export interface BackupFacts {
  readonly seen: BackupObservation
  readonly newest: Base | undefined
  /** The log leads on from the newest base without a gap. */
  readonly isUnbroken: boolean
  readonly isDue: boolean
  readonly isTrialDue: boolean
  /** A failure was so lately that the next try waits. */
  readonly isWaiting: boolean
  readonly surplus: readonly Extract<BackupAction, { kind: 'remove' | 'forget' }>[]
}

/** Sorts an observation into facts. */
export function backupFactsOf(seen: BackupObservation): BackupFacts {
  const { history, now, every, failed } = seen
  const newest = history?.bases.at(-1)
  return {
    seen,
    newest,
    isUnbroken: newest !== undefined && history?.unbroken.includes(newest.id) === true,
    isDue: newest !== undefined && since(newest.began, now) >= every,
    isTrialDue: isTrialDue(seen, newest),
    isWaiting:
      failed !== undefined &&
      since(failed.at, now) < Math.min(retry.most, retry.least * 2 ** (failed.times - 1)),
    surplus: surplusOf(seen),
  }
}

/** Whether this base failed when it was last tried. */
const isBad = (base: Base, trials: readonly Trial[]): boolean =>
  trials.findLast((trial) => trial.base === base.id)?.well === false

function isTrialDue({ tryEvery, trials, now }: BackupObservation, newest: Base | undefined) {
  if (tryEvery === undefined || newest === undefined) return false
  const last = trials.at(-1)
  return last === undefined || since(last.at, now) >= tryEvery
}

/**
 * What is kept too much: of each history, what is older than the newest `keep` that are not known
 * to be bad; of a former history, all once this one has as many good bases as are to be kept. The
 * newest good one always stays.
 */
function surplusOf({ history, former, keep, trials }: BackupObservation): BackupFacts['surplus'] {
  if (history === undefined) return []
  const good = goodOf(history, trials)
  if (good.length >= keep && former.length > 0) {
    return former.map(({ origin }) => ({ kind: 'forget', origin }))
  }
  const oldest = good.at(-keep)
  if (oldest === undefined) return []
  const { origin, bases } = history
  return bases
    .filter(({ began }) => began < oldest.began)
    .map(({ id: base }) => ({ kind: 'remove', origin, base }))
}

/** Those that can be restored as far as anybody knows. */
const goodOf = (history: KeptHistory, trials: readonly Trial[]): readonly Base[] =>
  history.bases.filter((base) => !isBad(base, trials))

/** A base can be made now, and none was tried in vain just before. */
const mayMake = (f: BackupFacts): boolean =>
  f.seen.source !== undefined && f.seen.receiving && !f.isWaiting

const make = (): readonly BackupAction[] => [{ kind: 'make' }]

/** The rules of backups, in the order in which they are asked. */
export const backupRules: readonly Rule<BackupFacts, BackupAction>[] = [
  {
    id: 'first-backup',
    why: 'there is none of this history of the database yet',
    when: (f) => f.newest === undefined && mayMake(f),
    actions: make,
  },
  {
    id: 'log-broken',
    why: 'the log does not lead on from the last backup: a new one begins it anew',
    when: (f) => f.newest !== undefined && !f.isUnbroken && mayMake(f),
    actions: make,
  },
  {
    id: 'backup-due',
    why: 'the last one is as old as the file says',
    when: (f) => f.isDue && mayMake(f),
    actions: make,
  },
  {
    id: 'too-many',
    why: 'newer ones that are not known to be bad are as many as the file says',
    when: (f) => f.surplus.length > 0,
    actions: (f) => f.surplus,
  },
  {
    id: 'trial-due',
    why: 'a backup that was never restored is a hope: the last one is restored on trial',
    when: (f) => f.isTrialDue && !f.isWaiting,
    actions: (f) => (f.newest === undefined ? [] : [{ kind: 'try', base: f.newest.id }]),
  },
  {
    id: 'wait-after-failure',
    why: 'the last try failed: the next one waits',
    when: (f) => f.isWaiting,
    actions: () => [],
  },
  {
    id: 'wait-for-source',
    why: 'a backup is due, and no member can be copied or the log is not received',
    when: (f) => f.newest === undefined || !f.isUnbroken || f.isDue,
    actions: () => [],
  },
  {
    id: 'steady',
    why: 'the last backup is young enough, and the log leads on from it',
    when: () => true,
    actions: () => [],
  },
]

/** What is to be done now. */
export const decideBackups = (seen: BackupObservation): Decision<BackupAction> =>
  firstMatch(backupRules, backupFactsOf(seen))

/** When what is seen leads to something else by time alone; milliseconds. */
export const lookAgainWithin = ms(1000)
