// Says what is done to a database in a sentence, and what is missing. Pure.

import type { AckSet, DatabaseAction, EngineName, Phase, Position, Proof } from './model.ts'
import type { Shortage } from './quorum.ts'

/** `any 1 of b, c`; a primary that stands alone needs nobody. */
export const describeAcks = ({ members, needed }: AckSet): string =>
  needed === 0 ? 'nobody' : `any ${needed} of ${members.join(', ')}`

/** What a database is at. */
export function describePhase(phase: Phase): string {
  switch (phase.kind) {
    case 'new':
      return 'nothing has been initialised'
    case 'serving':
      return phase.next === undefined
        ? `${phase.primary} is primary`
        : `${phase.primary} is primary, and ${phase.next.to} is to take over`
    case 'electing':
      return phase.restore === undefined
        ? `a primary is being elected: ${phase.why}`
        : `what was restored for ${phase.restore.member} is put in place`
    case 'promoting':
      return `${phase.winner} is being promoted`
    case 'handing-over':
      return phase.from === phase.to
        ? `${phase.from} is started anew`
        : `${phase.from} hands over to ${phase.to}`
  }
}

/** What has to be there before anybody may be promoted. */
export function describeShortage({ missing, of }: Shortage): string {
  const who = of.length === missing ? of.join(' and ') : `${missing} of ${of.join(', ')}`
  return `without ${who} an acknowledged write could be lost`
}

/** As the engine's own tools write it. */
export function showPosition({ line, at }: Position, engine: EngineName): string {
  if (engine !== 'postgresql') return `${line}/${at}`
  const high = Math.floor(at / 2 ** 32)
  const hex = (part: number): string => part.toString(16).toUpperCase()
  return `${line}:${hex(high)}/${hex(at - high * 2 ** 32)}`
}

/** Why a promotion lost nothing, or what it may have lost. */
export function describeProof(proof: Proof, engine: EngineName): string {
  const confirmed = Object.keys(proof.confirmed).join(', ')
  const sets = proof.acks.map(describeAcks).join('; ')
  const start = `${proof.to} led from ${showPosition(proof.start, engine)}`
  if (proof.restored !== undefined) return `${start}, which was restored; all else was set aside`
  if (proof.acceptedLoss) return `${start}; what others had beyond that was given up`
  if (proof.why === 'a database begins') return start
  if (proof.from === proof.to) return `${start}, with all that it had acknowledged before`
  return `${start}; ${confirmed} had stopped, writes needed ${sets}`
}

const describe = {
  record: (a) => `write down that ${describePhase(a.record.phase)}`,
  initialise: (a) => `make a new database on ${a.member}`,
  freeze: (a) => `have ${a.member} stop receiving and say what it has`,
  fence: (a) => `end the server of ${a.member}`,
  promote: (a) => `make ${a.member} primary; writes need ${describeAcks(a.acks)}`,
  quiesce: (a) => `let ${a.member} finish what it has, and stop`,
  follow: (a) =>
    a.way === 'follow'
      ? `have ${a.member} follow ${a.primary}`
      : `${a.way} ${a.member} so that it can follow ${a.primary}`,
  restore: (a) => `put what was restored in place of the data of ${a.member}`,
  restart: (a) => `start the server of ${a.member} anew`,
  'set-acks': (a) => `have ${a.member} wait for ${describeAcks(a.acks)}`,
} as const satisfies {
  readonly [K in DatabaseAction['kind']]: (a: Extract<DatabaseAction, { kind: K }>) => string
}

/** The sentence of any action. */
export const describeAction = (action: DatabaseAction): string =>
  (describe[action.kind] as (a: DatabaseAction) => string)(action)
