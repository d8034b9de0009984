// What a primary keeps of its log for others: one slot for each. It makes them, and so does a
// member that comes before: each may find that the other has just done it.

import { sqlText } from './accounts.ts'
import type { Server } from './server.ts'
import { type Session, sqlState } from './session.ts'
import { archiveSlot, slotOf } from './settings.ts'

/** `duplicate_object`, `undefined_object`, `object_in_use` (appendix A of the manual). */
const [isThere, isGone, isInUse] = ['42710', '42704', '55006']

/** One for each other member: what it has not received is kept. None for anybody else. */
export async function ensureSlots(
  server: Server,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { peers, member } = server.options
  const wanted = peers.filter((each) => each.member !== member).map((each) => slotOf(each.member))
  const rows = await session.query(
    `SELECT slot_name AS name, active, coalesce(wal_status, 'lost') = 'lost' AS lost
       FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name LIKE 'alwayson\\_%'`,
    signal,
  )
  for (const { name, active, lost } of rows) {
    // Whoever makes backups may only be away for a moment; the setting bounds what that keeps.
    if (name === archiveSlot && lost !== true) continue
    if (active === true || (wanted.includes(String(name)) && lost !== true)) continue
    await drop(session, String(name), signal)
  }
  for (const name of wanted) {
    if (rows.some((row) => row.name === name && row.lost !== true)) continue
    await make(session, name, signal)
  }
}

/** The one of this name, on a primary; one that has given up keeping anything begins anew. */
export async function ensureSlot(
  session: Session,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { status, active } = await session.row(
    `SELECT coalesce(wal_status, 'lost') AS status, active
       FROM pg_replication_slots WHERE slot_name = ${sqlText(name)}`,
    signal,
  )
  if (active === true || (status !== undefined && status !== 'lost')) return
  if (status === 'lost') await drop(session, name, signal)
  await make(session, name, signal)
}

/** Slots of a server's days as primary keep what nobody fetches there any more. */
export async function dropSlots(server: Server, signal: AbortSignal): Promise<void> {
  const session = await server.session(signal)
  await session.query(
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
      WHERE slot_type = 'physical' AND NOT active AND slot_name LIKE 'alwayson\\_%'`,
    signal,
  )
}

const make = (session: Session, name: string, signal: AbortSignal): Promise<void> =>
  unless([isThere], async () => {
    const text = sqlText(name)
    await session.query(`SELECT pg_create_physical_replication_slot(${text}, true)`, signal)
  })

const drop = (session: Session, name: string, signal: AbortSignal): Promise<void> =>
  unless([isGone, isInUse], async () => {
    await session.query(`SELECT pg_drop_replication_slot(${sqlText(name)})`, signal)
  })

/** Somebody else may have done it at the same moment. */
async function unless(states: readonly string[], work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    if (!states.includes(sqlState(thrown) ?? '')) throw thrown
  }
}
