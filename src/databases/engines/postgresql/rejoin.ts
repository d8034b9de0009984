// Brings a member to where it receives from a primary: from where it is, by rewinding, or anew.

import { existsSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { putOnDisk } from '../../../control/on-disk.ts'
import { Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { FollowOrder } from '../../engine.ts'
import { asideFault, describeAside, setAside } from './aside.ts'
import { receiveBaseBackup } from './base-backup.ts'
import { readControlFile } from './control-file.ts'
import { endUnlessStandby, freeze } from './freeze.ts'
import { markHalf, unmarkHalf } from './half.ts'
import { clearLeftovers } from './leftovers.ts'
import { give, runAs } from './owner.ts'
import { pauseFor } from './patience.ts'
import {
  askOnce,
  askPrimary,
  checkOrigin,
  ensureOwnSlot,
  ensurePlace,
  openQuestions,
  openReplication,
} from './primary.ts'
import type { Server } from './server.ts'
import { noAcks, quoteWord, secureWords } from './settings.ts'
import { dropSlots } from './slots.ts'

/** A server that has nobody to send to ends at once; one that has waits for them. */
const stopWithin = ms(5000)
/** A primary that is not heard within this is followed all the same: it will be heard later. */
const answerWithin = 1500
const checkpointEvery = ms(200)

/** Resolves once the server runs and has been told whom to receive from. Rejects with a `Fault`. */
export async function follow(
  server: Server,
  order: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  server.checkFolder()
  switch (server.holding === 'data' ? order.way : 'clone') {
    case 'follow':
      return followFromHere(server, order, signal)
    case 'rewind':
      return rewind(server, order, signal)
    case 'clone':
      return clone(server, order, signal)
  }
}

async function followFromHere(
  server: Server,
  { primary }: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  const control = await readControlFile(server.data)
  const brief = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)])
  await ensurePlace(server, control?.systemId, primary, brief).catch((thrown: unknown) => {
    if (signal.aborted || !(thrown instanceof Fault && thrown.code === 'timed-out')) throw thrown
  })
  await endUnlessStandby(server, signal)
  await server.startStandby(primary, signal)
  await server.apply({ upstream: primary, acks: noAcks }, 'open', signal)
  await dropSlots(server, signal)
}

/**
 * What this member alone has, kept before anything is undone. The server is stopped by then, and
 * the primary asked after that: it has on disk what it sent, and what came until then is no tail.
 */
async function keepTail(server: Server, order: FollowOrder, signal: AbortSignal): Promise<void> {
  const self = await askPrimary(server, order.primary, signal)
  let kept: Awaited<ReturnType<typeof setAside>>
  try {
    kept = await setAside(server, self, order.label, signal)
  } catch (cause) {
    throw asideFault(cause)
  }
  if (kept === undefined) return
  server.options.event('tail-set-aside', describeAside(kept), {
    folder: join(server.options.aside, order.label),
    records: kept.records,
    bytes: kept.bytes,
  })
}

/** Undoes what only this server has, with pg_rewind where that is installed; else copies anew. */
async function rewind(server: Server, order: FollowOrder, signal: AbortSignal): Promise<void> {
  const programs = await server.programs()
  if (programs.rewind === undefined) return clone(server, order, signal)
  const control = await readControlFile(server.data)
  const self = await askPrimary(server, order.primary, signal)
  if (control !== undefined) checkOrigin(server, control.systemId, self, order.primary)
  // pg_rewind wants data of a server that was stopped cleanly: frozen, it is nothing else.
  await freeze(server, signal)
  await server.endCleanly(stopWithin, signal)
  await keepTail(server, order, signal)
  await ensureOwnSlot(server, order.primary, signal)
  await waitForCheckpoint(server, order, signal)
  const { host, port } = order.primary
  const { user } = server.options.accounts.replication
  order.progress({ step: 'rewinding', done: 0, of: undefined })
  await markHalf(server.data)
  try {
    const secured = Object.entries(secureWords(server.dialFiles, programs.major))
      .map(([word, value]) => `${word}=${quoteWord(value)}`)
      .join(' ')
    const where = `host=${host} port=${port} user=${user} dbname=postgres connect_timeout=5`
    const source = `${where} ${secured}`
    await runAs(
      server.owner,
      programs.rewind,
      ['-D', server.data, `--source-server=${source}`],
      {
        // Where all that works on these data is looked for, should it be left over.
        cwd: server.data,
        env: { ...server.environment, PGPASSFILE: server.passwordFile },
      },
      signal,
    )
  } catch (cause) {
    if (signal.aborted) throw cause
    server.options.event('rewind-failed', 'pg_rewind could not do it: the member is copied anew', {
      said: String((cause as { stderr?: unknown }).stderr ?? cause).slice(-500),
    })
    return clone(server, order, signal)
  }
  await unmarkHalf(server.data)
  await server.startStandby(order.primary, signal)
  await dropSlots(server, signal)
}

/**
 * pg_rewind reads the source's control file, which names its new timeline only after the first
 * checkpoint that it makes there.
 */
async function waitForCheckpoint(
  server: Server,
  { primary }: FollowOrder,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const self = await askOnce(server, primary, signal)
    using session = await openQuestions(server, primary, signal)
    const { line } = await session.row(
      'SELECT timeline_id AS line FROM pg_control_checkpoint()',
      signal,
    )
    if (Number(line) === self.position.line) return
    await pauseFor(checkpointEvery, signal)
  }
}

/** Copies the primary; what was here is kept until the copy is whole, and its tail for good. */
async function clone(server: Server, order: FollowOrder, signal: AbortSignal): Promise<void> {
  const self = await askPrimary(server, order.primary, signal)
  if (server.holding === 'data') {
    const control = await readControlFile(server.data).catch(() => undefined)
    if (control !== undefined) checkOrigin(server, control.systemId, self, order.primary)
    await server.endAbruptly(signal)
    if (control !== undefined) await keepTail(server, order, signal)
  } else if (server.options.host.observe().kind === 'running') await server.endAbruptly(signal)
  // A pg_rewind of an agent that was killed would go on in what takes their place.
  if (existsSync(server.data)) await clearLeftovers(server.data, signal)
  const programs = await server.programs()
  if (programs.major !== self.major) {
    throw new Fault(
      'incompatible',
      `${order.primary.member} is a PostgreSQL ${self.major}, and here is ${programs.version}`,
      { remedy: `install PostgreSQL ${self.major} here, or name its folder under home:` },
    )
  }
  const draft = `${server.data}.copying`
  const old = `${server.data}.replaced`
  await rm(draft, { recursive: true, force: true })
  server.prepareFolders()
  await ensureOwnSlot(server, order.primary, signal)
  using session = await openReplication(server, order.primary, signal)
  const end = (): void => session[Symbol.dispose]()
  signal.addEventListener('abort', end, { once: true })
  try {
    await receiveBaseBackup(
      session,
      draft,
      server.owner,
      `alwayson ${server.options.member}`,
      self.major,
      order.progress,
    )
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    throw new Fault('failed', `copying ${order.primary.member} was broken off`, {
      remedy: 'it is tried again',
      cause,
    })
  } finally {
    signal.removeEventListener('abort', end)
  }
  await rm(old, { recursive: true, force: true })
  if (existsSync(server.data)) renameSync(server.data, old)
  await unmarkHalf(server.data)
  renameSync(draft, server.data)
  await putOnDisk(dirname(server.data))
  give(server.data, server.owner)
  server.forget()
  await rm(old, { recursive: true, force: true })
  await server.startStandby(order.primary, signal)
}
