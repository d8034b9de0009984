// Session tickets that every edge can read: sealed with keys that the agent makes and shares.

import { randomBytes } from 'node:crypto'
import type { TicketKey } from '../../../model.ts'

/** What a context asks for, each time that a ticket is sealed or opened (RFC 5077 4). */
type TicketAnswer = readonly [known: number, hmac: Buffer, aes: Buffer, name: Buffer, iv: Buffer]

/** The part of the runtime's own context that has to do with tickets. */
export interface TicketContext {
  enableTicketKeyCallback?: () => void
  onticketkeycallback?: (name: Buffer, iv: Buffer, sealing: boolean) => TicketAnswer
  setTicketKeys(keys: Buffer): void
}

/** A key's three parts: what it is called, what signs, what encrypts. */
interface Parts {
  readonly name: Buffer
  readonly hmac: Buffer
  readonly aes: Buffer
}

const unknown = 0
const known = 1
/** Good, but sealed with a key that is on its way out: the client gets a new ticket. */
const knownButOld = 2

const partsOf = ({ bytes }: TicketKey): Parts => {
  const all = Buffer.from(bytes, 'base64')
  return { name: all.subarray(0, 16), hmac: all.subarray(16, 32), aes: all.subarray(32, 48) }
}

const nothing = Buffer.alloc(16)

/**
 * Lets a context seal with the first of `keys` and open with any of them. The keys may change; a
 * context that was given none keeps to keys of its own.
 */
export function answerTickets(context: TicketContext, keys: () => readonly TicketKey[]): void {
  let held: readonly TicketKey[] = []
  let parts: readonly Parts[] = []
  const current = (): readonly Parts[] => {
    if (held !== keys()) {
      held = keys()
      parts = held.map(partsOf)
    }
    return parts
  }
  const [first] = keys()
  if (first === undefined) return
  // The public call knows one key for ever; without the other, sessions end when it changes.
  if (context.enableTicketKeyCallback === undefined) {
    return context.setTicketKeys(Buffer.from(first.bytes, 'base64'))
  }
  context.enableTicketKeyCallback()
  context.onticketkeycallback = (name, _iv, sealing) => {
    const [newest, ...older] = current()
    if (newest === undefined) return [unknown, nothing, nothing, nothing, nothing]
    if (sealing) return [known, newest.hmac, newest.aes, newest.name, randomBytes(16)]
    if (newest.name.equals(name)) return [known, newest.hmac, newest.aes, nothing, nothing]
    const old = older.find((each) => each.name.equals(name))
    if (old === undefined) return [unknown, nothing, nothing, nothing, nothing]
    return [knownButOld, old.hmac, old.aes, nothing, nothing]
  }
}
