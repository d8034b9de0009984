// Makes data of a base and the log after it, exactly up to a moment: by a server of its own, which
// nobody else reaches, and which is never writable before it is there.

import { mkdirSync, rmSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compose, type Readable } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { Fault } from '../../../foundation/fault.ts'
import { type Instant, instant, ms } from '../../../foundation/time.ts'
import { describeInstant } from '../../backups/describe.ts'
import type { BackupOptions, Restored, RestoreOrder } from '../../backups/engine.ts'
import { openPart } from '../../backups/parts.ts'
import { ScratchHost } from '../../backups/scratch-host.ts'
import { archivePart, manifestPart, readPoint } from './kept-base.ts'
import { growingKey, heldIn, historyKey, segmentKey } from './log-archive.ts'
import { chainFrom } from './log-chain.ts'
import { historyName, parseLsn } from './lsn.ts'
import { FileSums } from './manifest.ts'
import { give } from './owner.ts'
import { pauseFor, untilSo } from './patience.ts'
import { examine, rename } from './restored.ts'
import { Server } from './server.ts'
import type { Session } from './session.ts'
import { hasAppliedAll } from './sight.ts'
import { Unpacker } from './tar.ts'

const lookEvery = ms(50)
const stopWithin = ms(60_000)
/** Names the socket alone: nothing listens on it. */
const socketPort = 5432

/** Resolves when `order.data` is that of a server that was stopped cleanly. */
export async function restore(
  options: BackupOptions,
  order: RestoreOrder,
  signal: AbortSignal,
): Promise<Restored> {
  await rm(order.data, { recursive: true, force: true })
  await using host = new ScratchHost(options.now)
  const server = serverOf(options, order, host)
  try {
    server.prepareFolders()
    const bytes = await unpack(server, order, signal)
    const line = await stageLog(server, order, signal)
    const { last } = await recover(server, order, line, signal)
    const found = await finish(server, options, order, signal)
    return { last, bytes, found }
  } catch (thrown) {
    await host.end('SIGKILL', ms(0))
    await rm(order.data, { recursive: true, force: true })
    throw thrown
  } finally {
    rmSync(order.run, { recursive: true, force: true })
  }
}

function serverOf(options: BackupOptions, order: RestoreOrder, host: ScratchHost): Server {
  const { database, accounts, home, user, settings, now, event } = options
  const member = `${database}-${order.purpose}`
  return new Server({
    ...{ database, member, accounts, home, user, host, now, event, peers: [] },
    // Reached through its socket only.
    address: { member, host: '', port: socketPort },
    ...{ data: order.data, run: order.run, aside: `${order.data}.aside`, durability: 'async' },
    // What the log needs stays as it was; memory is for those that serve.
    settings: { ...settings, shared_buffers: '64MB' },
  })
}

/** The files of the base, each compared with what the server had sent. */
async function unpack(
  server: Server,
  { store, base, data, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<number> {
  const free = await freeAt(data)
  if (free !== undefined && free < base.bytes * 1.1) {
    throw new Fault('refused', `${data} has no room for ${base.bytes} bytes`, {
      remedy: 'make room on the disk of its data',
    })
  }
  mkdirSync(data, { mode: 0o700 })
  give(data, server.owner)
  const sums = new FileSums()
  const unpacker = new Unpacker(data, server.owner, sums.take)
  let done = 0
  try {
    for await (const chunk of openPart(store, base, archivePart, signal)) {
      await unpacker.write(chunk)
      done += chunk.length
      progress({ step: 'unpacking', done, of: base.bytes })
    }
    await unpacker.end()
  } catch (thrown) {
    await unpacker.abandon()
    throw thrown
  }
  const manifest: Buffer[] = []
  if (base.parts.some(({ key }) => key.endsWith(manifestPart))) {
    for await (const chunk of openPart(store, base, manifestPart, signal)) manifest.push(chunk)
    sums.check(Buffer.concat(manifest).toString('utf8'))
  }
  return done
}

async function freeAt(path: string): Promise<number | undefined> {
  const { statfs } = await import('node:fs/promises')
  const { bavail, bsize } = await statfs(join(path, '..'))
  return bavail * bsize
}

/** Lays the log where the server looks for it; returns the timeline that it ends on. */
async function stageLog(
  server: Server,
  { store, base, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<number> {
  const held = await heldIn(store)
  const chain = chainFrom(held, readPoint(base.end))
  if (!chain.isWhole) {
    throw new Fault('not-found', `the log does not lead on from ${base.id} without a gap`, {
      remedy: 'choose a moment that a later backup leads to',
    })
  }
  let done = 0
  const of = chain.names.length * held.segmentBytes
  for (const name of chain.names) {
    signal.throwIfAborted()
    const isWhole = held.segments.has(name)
    const from = isWhole ? store.open(segmentKey(name)) : store.open(growingKey(name))
    await putFile(join(server.wal, name), from, isWhole, held.segmentBytes, server, signal)
    done += held.segmentBytes
    progress({ step: 'fetching the log', done, of })
  }
  for (const { line } of held.histories) {
    if (line > chain.line) continue
    const path = join(server.wal, historyName(line))
    await putFile(path, store.open(historyKey(line)), false, 0, server, signal)
  }
  return chain.line
}

/** One file of the log; what is shorter than a segment ends in zeros, as a new one does. */
async function putFile(
  path: string,
  from: Readable,
  isCompressed: boolean,
  bytesLeast: number,
  server: Server,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    const bytes = isCompressed ? compose(from, createZstdDecompress()) : from
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      signal.throwIfAborted()
      await file.writeFile(chunk)
    }
    const { size } = await file.stat()
    if (size < bytesLeast) await file.truncate(bytesLeast)
  } finally {
    await file.close()
  }
  give(path, server.owner)
}

type Reached = Pick<Restored, 'last'> & { readonly isExact: boolean }

/** Applies the log up to the moment, or all of it; the server stands still there. */
async function recover(
  server: Server,
  order: RestoreOrder,
  line: number,
  signal: AbortSignal,
): Promise<Reached> {
  const { to, until } = order
  const course = { recovery_target_timeline: String(line) }
  if (to !== undefined) {
    const target = { recovery_target_time: timeText(to), recovery_target_action: 'pause' }
    await server.startStandby(undefined, signal, { ...course, ...target })
    const reached = await apply(server, order, signal)
    if (reached.isExact) return reached
    // Nothing later was written: that is all there was, if the log was received until then.
    if (until === undefined || to > until) throw notKept(to, until ?? reached.last)
    // A server that was told of a moment refuses to go on where it has not come to it.
    await server.endCleanly(stopWithin, signal)
  }
  await server.startStandby(undefined, signal, course)
  return { ...(await apply(server, order, signal)), isExact: true }
}

const notKept = (to: Instant, until: Instant | undefined): Fault => {
  const end = until === undefined ? 'it ends earlier' : `it ends at ${describeInstant(until)}`
  return new Fault('not-found', `${describeInstant(to)} is not among what is kept: ${end}`, {
    remedy: 'choose an earlier moment, or restore all there is: --to latest',
  })
}

/** Looks until the server stands still: at the moment it was told, or at the end of the log. */
async function apply(
  server: Server,
  { base, progress }: RestoreOrder,
  signal: AbortSignal,
): Promise<Reached> {
  using session = await server.connect(signal, { replication: 'database' })
  const start = readPoint(base.end).at
  for (;;) {
    const row = await session.row(lookAtReplay, signal)
    const at = parseLsn(String(row.applied)) ?? 0
    progress({ step: 'applying the log', done: Math.max(0, at - start), of: undefined })
    if (row.state === 'paused') return { last: lastOf(row.last), isExact: true }
    if (await isAtEnd(server, session, signal)) {
      const again = await session.row(lookAtReplay, signal)
      return { last: lastOf(again.last), isExact: again.state === 'paused' }
    }
    await pauseFor(lookEvery, signal)
  }
}

const lookAtReplay = `
  SELECT pg_last_wal_replay_lsn()::text AS applied, pg_get_wal_replay_pause_state() AS state,
         (1000 * extract(epoch FROM pg_last_xact_replay_timestamp()))::float8 AS last`

const lastOf = (value: unknown): Instant | undefined =>
  typeof value === 'number' ? instant(value) : undefined

/** All whole records on disk are applied. */
export async function isAtEnd(
  server: Server,
  session: Session,
  signal: AbortSignal,
): Promise<boolean> {
  const before = await session.row('IDENTIFY_SYSTEM', signal)
  const row = await session.row('SELECT pg_last_wal_replay_lsn()::text AS applied', signal)
  const { timeline } = await session.row('IDENTIFY_SYSTEM', signal)
  const at = parseLsn(String(row.applied))
  // It went over to another meanwhile: on the first there is nothing from there on.
  if (at === undefined || timeline !== before.timeline) return false
  return hasAppliedAll(server, { line: Number(timeline), at })
}

/** To the microsecond, in the one time zone that a restored server has. */
const timeText = (to: Instant): string => {
  const micros = Math.round((to - Math.floor(to)) * 1000)
  const text = describeInstant(instant(Math.floor(to)))
  return `${text.slice(0, -1)}${String(Math.min(999, micros)).padStart(3, '0')}+00`
}

/** Ends the recovery, does what it is for, and stops the server cleanly. */
async function finish(
  server: Server,
  options: BackupOptions,
  order: RestoreOrder,
  signal: AbortSignal,
): Promise<string | undefined> {
  using session = await server.connect(signal)
  await session.query('SELECT pg_promote(false)', signal)
  await untilSo(
    async () => {
      if (server.options.host.observe().kind !== 'running') {
        throw new Fault('failed', `the server ended: ${server.log.lastTrouble()}`)
      }
      const { standby } = await session.row('SELECT pg_is_in_recovery() AS standby', signal)
      return standby === false
    },
    lookEvery,
    signal,
  )
  await server.apply({ upstream: undefined, acks: { members: [], needed: 0 } }, 'closed', signal)
  const found =
    order.purpose === 'trial' ? await examine(server, order.progress, signal) : undefined
  if (order.purpose === 'restore') await rename(session, options, order, signal)
  await session.query('CHECKPOINT', signal)
  await server.endCleanly(stopWithin, signal)
  return found
}
