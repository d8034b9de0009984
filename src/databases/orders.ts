// Is an order one that is under way already, and does the record bear it out? Pure.

import type { Order } from './board.ts'
import type { DatabaseRecord } from './model.ts'

/** Whether both ask for the same; the record may have changed otherwise meanwhile. */
export const isSame = (one: Order, other: Order): boolean =>
  one.epoch === other.epoch &&
  JSON.stringify(one.action) === JSON.stringify(other.action) &&
  // A set that was asked for again is in force since the later order.
  (one.action.kind !== 'set-acks' || one.version === other.version)

/**
 * Whether what is under way is what is asked for now. While a member comes back it is seen stopped,
 * or without what it had: which way it should come back is asked again when it has.
 */
export const goesOn = (running: Order, asked: Order): boolean =>
  isSame(running, asked) ||
  (running.epoch === asked.epoch && comesBack(running.action, asked.action))

const comesBack = (running: Order['action'], asked: Order['action']): boolean => {
  if (asked.kind !== 'follow') return false
  // A server that is started anew follows by itself.
  if (running.kind === 'restart') return running.primary === asked.primary && asked.way === 'follow'
  return (
    running.kind === 'follow' &&
    running.primary === asked.primary &&
    running.copyFor === asked.copyFor
  )
}

/** Whether the record names this member at this epoch. */
export const isLed = ({ epoch, phase }: DatabaseRecord, member: string, at: number): boolean =>
  epoch === at &&
  ((phase.kind === 'promoting' && phase.winner === member) ||
    (phase.kind === 'serving' && phase.primary === member))
