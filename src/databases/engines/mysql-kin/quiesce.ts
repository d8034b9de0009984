// How does a server stop serving so that nothing is lost and nobody is cut off in the middle?

import { setTimeout as pause } from 'node:timers/promises'
import { type Milliseconds, ms } from '../../../foundation/time.ts'
import type { Position } from '../../model.ts'
import { reaches } from '../../position.ts'
import { kill, receiverOf } from './gate.ts'
import type { Kin } from './kin.ts'
import { canonicalName } from './option-file.ts'
import type { Receivers } from './receivers.ts'
import type { KinServer } from './server.ts'
import type { Session } from './session.ts'

const pauseBetween = 20
/** InnoDB tells of transactions what it told before to whoever asks again within 100 ms. */
const transactionsEvery = 150
/** A replica has nobody to hand over to, and its files to put in order. */
const stopWithin = ms(10_000)

/** Lets what is under way end, hands everything to the replicas that receive, stops the server. */
export async function drain(
  kin: Kin,
  server: KinServer,
  receivers: Receivers,
  within: Milliseconds,
  signal: AbortSignal,
): Promise<void> {
  if (!server.isRunning) return
  const { now } = server.options
  const until = now() + within
  const session = await server.session(signal)
  const { epoch } = await kin.readStatus(session, signal)
  await shutOut(session, server, signal)
  const rested = epoch === 0 ? idleFor.readers : idleFor.writers
  while (now() < until && (await hasOpenTransactions(kin, session, server, rested, signal))) {
    await pause(transactionsEvery, undefined, { signal })
  }
  if (epoch === 0) return await server.end(stopWithin)
  await closeDoor(kin, server, signal)
  const { applied } = await kin.readStatus(session, signal)
  await handOver(server, receivers, applied, signal)
  await server.end(within)
}

/**
 * Lets no new client in, and replicas still: `init_connect` is run for whoever may not administer
 * the server, and one that fails ends the connection. A start forgets it.
 */
async function shutOut(session: Session, server: KinServer, signal: AbortSignal): Promise<void> {
  const prefix = server.options.accounts.replication.user.replaceAll(/[\\_%']/g, String.raw`\\$&`)
  const fails = `SET @let_in = IF(USER() LIKE '${prefix}%', 1, (SELECT 1 UNION SELECT 2))`
  await session.query('SET GLOBAL init_connect = ?', signal, [fails])
}

/**
 * Lets new clients in again: of a server that was to end, and serves after all because something
 * else was ordered meanwhile.
 */
export async function letIn(
  session: Session,
  { options: { settings } }: KinServer,
  signal: AbortSignal,
): Promise<void> {
  const own = Object.entries(settings).find(([name]) => canonicalName(name) === 'init_connect')
  await session.query('SET GLOBAL init_connect = ?', signal, [own?.[1] ?? ''])
}

/**
 * A client that says nothing for so long is between two transactions, if it is in none. Writers are
 * held back meanwhile, and wait; readers may be about to ask, and are given longer.
 */
const idleFor = { writers: 50, readers: 250 }

/** Whether a client is in the middle of a transaction. Those that are not are ended. */
async function hasOpenTransactions(
  kin: Kin,
  session: Session,
  server: KinServer,
  rested: number,
  signal: AbortSignal,
): Promise<boolean> {
  const open = await session.query(
    'SELECT trx_mysql_thread_id AS id FROM information_schema.INNODB_TRX',
    signal,
  )
  const inOne = new Set(open.map(({ id }) => Number(id)))
  const clients = await clientsOf(kin, session, server, signal)
  const idle = clients.filter(
    ({ id, command, time }) => !inOne.has(id) && command === 'Sleep' && time >= rested,
  )
  for (const { id } of idle) await kill(kin, session, id, signal)
  return clients.length > idle.length
}

interface Client {
  readonly id: number
  readonly command: string
  readonly time: number
}

async function clientsOf(
  kin: Kin,
  session: Session,
  server: KinServer,
  signal: AbortSignal,
): Promise<readonly Client[]> {
  const { accounts, peers } = server.options
  const rows = await session.query(
    `SELECT ID AS id, USER AS user, COMMAND AS command, ${kin.timeColumn} AS time
      FROM information_schema.PROCESSLIST`,
    signal,
  )
  return rows
    .filter(({ user }) => {
      const name = String(user)
      const isOurs = name === accounts.admin.user || name === 'system user'
      return !isOurs && receiverOf(name, accounts, peers) === undefined
    })
    .map(({ id, command, time }) => ({
      id: Number(id),
      command: String(command),
      time: Number(time),
    }))
}

/** Commits that wait for longer than this keep a primary from ending in order. */
const doorWithin = 10

/** No writes from now on, and no client: those that are still in the middle are ended. */
async function closeDoor(kin: Kin, server: KinServer, signal: AbortSignal): Promise<void> {
  using door = await server.connect(signal)
  // It waits for commits under way: those are acknowledged, or this fails and is asked again.
  await door.query(`SET SESSION lock_wait_timeout = ${doorWithin}`, signal)
  await door.query('SET GLOBAL read_only = ON', signal)
  for (const { id } of await clientsOf(kin, door, server, signal)) await kill(kin, door, id, signal)
}

/**
 * A replica that does not answer for so long is handed nothing any more. Its stream stays open here
 * long after its machine is gone, and it need not be the one that takes over.
 */
const silentMost = 2000

/** Resolves when every replica that has an open stream, and answers, has everything. */
async function handOver(
  server: KinServer,
  receivers: Receivers,
  all: Position,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, peers, now } = server.options
  const began = now()
  const heard = new Map<string, number>()
  const silent = new Set<string>()
  const isBehind = async (name: string): Promise<boolean> => {
    try {
      const soon = AbortSignal.any([signal, AbortSignal.timeout(silentMost)])
      const position = await receivers.position(name, soon)
      heard.set(name, now())
      return position !== undefined && !reaches(position, all)
    } catch {
      signal.throwIfAborted()
      const isSilent = now() - (heard.get(name) ?? began) >= silentMost
      if (isSilent) silent.add(name)
      return !isSilent
    }
  }
  for (;;) {
    const rows = await server.query(
      'SELECT USER AS user, COMMAND AS command FROM information_schema.PROCESSLIST',
      signal,
    )
    const names = rows
      .filter(({ command }) => String(command).startsWith('Binlog Dump'))
      .flatMap(({ user }) => receiverOf(String(user), accounts, peers)?.member ?? [])
      .filter((name) => !silent.has(name))
    const behind = await Promise.all(names.map(isBehind))
    if (!behind.includes(true)) return
    await pause(pauseBetween, undefined, { signal })
  }
}
