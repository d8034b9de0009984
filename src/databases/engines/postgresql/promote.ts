// Makes a standby that stands still the primary of an epoch, with nobody let in before it is one.

import { join } from 'node:path'
import { writeWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { Promotion } from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { ensureAccounts, findImpatient } from './accounts.ts'
import { putAcks } from './acks.ts'
import { freeze } from './freeze.ts'
import { give } from './owner.ts'
import { pauseFor, untilSo } from './patience.ts'
import type { Server } from './server.ts'
import type { Session } from './session.ts'
import { noAcks } from './settings.ts'
import { ensureSlots } from './slots.ts'
import { isForNow } from './trouble.ts'

const pollEvery = ms(5)

/** The epoch that a running primary began at; `undefined` if it is none, or says none. */
export async function epochOf(server: Server, signal: AbortSignal): Promise<number | undefined> {
  if (server.options.host.observe().kind !== 'running') return undefined
  const session = await server.session(signal)
  const { ours } = await session.row(
    `SELECT NOT pg_is_in_recovery() AND to_regclass('alwayson.epoch') IS NOT NULL AS ours`,
    signal,
  )
  if (ours !== true) return undefined
  const { epoch } = await session.row('SELECT max(epoch)::int AS epoch FROM alwayson.epoch', signal)
  return typeof epoch === 'number' ? epoch : undefined
}

/** Asks until it is answered: a connection that ended says nothing, and a freeze ends a primary. */
async function epochReached(server: Server, signal: AbortSignal): Promise<number | undefined> {
  for (;;) {
    try {
      return await epochOf(server, signal)
    } catch (thrown) {
      if (!isForNow(thrown)) throw thrown
    }
    await pauseFor(pollEvery, signal)
  }
}

/** Resolves when it takes writes at this epoch. Rejects with a `Fault`. */
export async function promote(
  server: Server,
  { epoch, acks, opens }: Promotion,
  signal: AbortSignal,
): Promise<void> {
  const reached = await epochReached(server, signal)
  if (reached !== epoch) await freeze(server, signal)
  const observer = await server.observer(signal)
  const becomes =
    reached === epoch ? putAcks(server, acks, signal) : becomePrimary(server, acks, signal)
  await Promise.all([
    becomes.then(() => beginHistory(server, epoch, signal)),
    // The disk takes its time for slots, and a standby may have them as well.
    ensureSlots(server, observer, signal),
  ])
  await opens?.()
  await server.apply({ upstream: undefined, acks }, 'open', signal)
}

/** All that a primary writes before anybody is let in. */
async function beginHistory(server: Server, epoch: number, signal: AbortSignal): Promise<void> {
  const session = await server.session(signal)
  await session.run(epochRecord(epoch), signal)
  const { accounts, adopted } = server.options
  await ensureAccounts(session, accounts, adopted !== undefined, signal)
  await warnOfImpatient(server, session, signal)
}

/** Every part of a standby goes by `noAcks`: none wakes anybody before it has read another set. */
async function becomePrimary(server: Server, acks: AckSet, signal: AbortSignal): Promise<void> {
  const before = server.takeSettledAcks()
  await server.apply({ upstream: undefined, acks }, 'closed', signal)
  const session = await server.session(signal)
  await session.query('SELECT pg_promote(false)', signal)
  await untilSo(() => isOut(server, session, signal), pollEvery, signal)
  // From here on the server would start as a standby again, whoever starts it.
  const mark = join(server.data, 'standby.signal')
  writeWhole(mark, '')
  give(mark, server.owner)
  // After a promotion that was broken off the next change of the set makes sure of all of it.
  if (before === noAcks && !signal.aborted) server.settledAcks = acks
}

async function isOut(server: Server, session: Session, signal: AbortSignal): Promise<boolean> {
  if (server.options.host.observe().kind !== 'running') {
    throw new Fault(
      'failed',
      `PostgreSQL ended while it was promoted: ${server.log.lastTrouble()}`,
      {
        remedy: `look into ${server.log.path}`,
      },
    )
  }
  const { standby } = await session.row('SELECT pg_is_in_recovery() AS standby', signal)
  return standby === false
}

/**
 * The record that a history begins with, and where `tryWrite` writes. Later epochs are of a record
 * that is gone, or of another database that these data were restored from.
 */
const epochRecord = (epoch: number): readonly string[] => [
  'CREATE SCHEMA IF NOT EXISTS alwayson',
  `CREATE TABLE IF NOT EXISTS alwayson.epoch
    (epoch bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
  `CREATE TABLE IF NOT EXISTS alwayson.probe
    (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
  `DELETE FROM alwayson.epoch WHERE epoch > ${epoch}`,
  `INSERT INTO alwayson.epoch (epoch) VALUES (${epoch}) ON CONFLICT DO NOTHING`,
]

async function warnOfImpatient(
  server: Server,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  if (server.options.durability !== 'quorum') return
  const found = await findImpatient(session, signal)
  if (found.length === 0) return
  server.options.event(
    'impatient-commits',
    'some commits do not wait until they are acknowledged, and may be lost',
    { settings: found },
  )
}
