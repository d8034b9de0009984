// How does a member come to follow a primary: from where it is, or as a copy?

import type { FollowOrder } from '../../engine.ts'
import { readMark, writeMark } from '../mysql-kin/data-folder.ts'
import { putInPlace } from '../mysql-kin/drafts.ts'
import { letIn } from '../mysql-kin/quiesce.ts'
import { approach } from '../mysql-kin/source.ts'
import { makeClone } from './clone.ts'
import { type GtidSet, subtractGtids } from './gtid-set.ts'
import { mark } from './install.ts'
import { mysql } from './kin.ts'
import { applyReceived, receiveFrom } from './replication.ts'
import type { MysqlServer } from './server.ts'
import { readStatus } from './status.ts'
import { keepTail } from './tail.ts'

/**
 * Carries out an order to follow. Nothing is touched before the primary has answered. Resolves to
 * what this member alone has, and keeps: then it does not follow.
 */
export async function rejoin(
  server: MysqlServer,
  order: FollowOrder,
  signal: AbortSignal,
): Promise<GtidSet | undefined> {
  const { options } = server
  const { primary } = order
  const approached = await approach(mysql, server, primary, signal)
  using source = approached.source
  const { state, identity, role } = approached
  const { executed } = await readStatus(source, signal)
  if (state.kind === 'ours') {
    const tail = subtractGtids(await ownSet(server, signal), executed)
    const isPart = tail.size === 0
    if (!isPart && order.way === 'follow') return tail
    if (!isPart) await setAside(server, tail, order, signal)
    if (!isPart || order.way === 'clone') await clone(server, order, identity, signal)
  } else await clone(server, order, identity, signal)
  const session = await server.session(signal)
  const { words } = server.programs
  await letIn(session, server, signal)
  await receiveFrom(session, { primary, role }, options, words, signal)
  if (readMark(options.data)?.identity !== identity) mark(server, options.data, identity)
  return undefined
}

/** All that it has, applied: it runs as a replica for that. */
async function ownSet(server: MysqlServer, signal: AbortSignal): Promise<GtidSet> {
  await toReplica(server, signal)
  const session = await server.session(signal)
  await applyReceived(session, signal)
  return (await readStatus(session, signal)).executed
}

/** It runs, and nobody can write; a primary, and one that hangs, is ended for it. */
export async function toReplica(server: MysqlServer, signal: AbortSignal): Promise<void> {
  if (server.isRunning) {
    const isAlive = await server.isAnswering(signal)
    const status = isAlive ? await readStatus(await server.session(signal), signal) : undefined
    if (status?.isShut !== true || status.folder !== server.options.data) await server.kill()
  }
  await server.start(signal)
  await beginTaken(server, signal)
}

/** A server that was taken over knows whom it received from, by relay logs that are not ours. */
async function beginTaken(server: MysqlServer, signal: AbortSignal): Promise<void> {
  const { data } = server.options
  const known = readMark(data)
  if (known?.begins === undefined) return
  await server.query('RESET REPLICA ALL', signal)
  writeMark(data, { ...known, begins: undefined })
}

async function setAside(
  server: MysqlServer,
  tail: GtidSet,
  { label, primary }: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  const folder = await keepTail(server, tail, { label, primary: primary.member }, signal)
  server.options.event('set-aside', `what ${primary.member} does not have is kept in ${folder}`)
}

async function clone(
  server: MysqlServer,
  order: FollowOrder,
  identity: string,
  signal: AbortSignal,
): Promise<void> {
  if (server.isRunning) await server.kill()
  await makeClone(server, order, identity, signal)
  putInPlace(server.options.data)
  await server.start(signal)
}
