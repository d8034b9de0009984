// How does a replica of MariaDB or MySQL stand to whom it receives from? A row of its status.

import { Fault } from '../../../foundation/fault.ts'
import type { MemberAddress } from '../../engine.ts'
import type { ReceiverRole } from './gate.ts'
import type { Kin, KinReceiving, KinStatus } from './kin.ts'
import { errors, type Row } from './session.ts'

export const text = (value: unknown): string => String(value ?? '')

/** What both say, in the words of one of them; `pulse` changes with whatever comes. */
export const receivingOf = (
  row: Row,
  source: 'Master' | 'Source',
  replica: 'Slave' | 'Replica',
  beats: unknown,
): KinReceiving => ({
  host: text(row[`${source}_Host`]),
  port: Number(row[`${source}_Port`]),
  user: text(row[`${source}_User`]),
  io: text(row[`${replica}_IO_Running`]),
  isApplying: text(row[`${replica}_SQL_Running`]) === 'Yes',
  ioError: { number: Number(row.Last_IO_Errno), text: text(row.Last_IO_Error) },
  sqlError: { number: Number(row.Last_SQL_Errno), text: text(row.Last_SQL_Error) },
  pulse: [beats, row[`${source}_Log_File`], row[`Read_${source}_Log_Pos`]].join(' '),
})

/** Whether its primary lets it in no more by the account that it comes in by: its role changed. */
export const isLockedOut = (
  { accountLocked }: Pick<Kin, 'accountLocked'>,
  { receiving }: Pick<KinStatus, 'receiving'>,
): boolean =>
  receiving?.io === 'Connecting' &&
  [errors.accessDenied, accountLocked].includes(receiving.ioError.number)

/** Whom a replica is to receive from, and how. */
export interface Source {
  readonly primary: MemberAddress
  readonly role: ReceiverRole
}

/** Of a replica that has stopped to apply what it received. */
export const cannotApply = (why: string): Fault =>
  new Fault('failed', `it cannot apply what it received: ${why}`, {
    remedy: 'have it copied anew from the primary (alwayson reinit)',
  })
