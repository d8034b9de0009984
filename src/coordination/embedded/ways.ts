// Which way does a request of each type go? A table, asked once a request.

import { opcode } from '../../wire/jute/opcodes.ts'

/** The ways that requests go; `unknown` is answered and the connection closed. */
export const way = { unknown: 0, read: 1, write: 2, multi: 3, close: 4, ping: 5, auth: 6 } as const

const reading = [
  opcode.getData,
  opcode.exists,
  opcode.getChildren,
  opcode.getChildren2,
  opcode.getACL,
  opcode.sync,
  opcode.multiRead,
  opcode.getAllChildrenNumber,
  opcode.getEphemerals,
  opcode.whoAmI,
  opcode.setWatches,
  opcode.setWatches2,
  opcode.addWatch,
  opcode.checkWatches,
  opcode.removeWatches,
  opcode.reconfig,
] as const

const writing = [
  opcode.create,
  opcode.create2,
  opcode.createContainer,
  opcode.createTTL,
  opcode.delete,
  opcode.setData,
  opcode.setACL,
  opcode.check,
] as const

const table = new Uint8Array(128)
for (const op of reading) table[op] = way.read
for (const op of writing) table[op] = way.write
table[opcode.multi] = way.multi
table[opcode.ping] = way.ping
table[opcode.auth] = way.auth

/** The way of a request whose header says `op`. */
export function wayOf(op: number): number {
  if (op === opcode.closeSession) return way.close
  return op > 0 && op < table.length ? (table[op] ?? way.unknown) : way.unknown
}
