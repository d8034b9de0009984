// Makes a member's data as a copy of a primary's: by the clone plugin, into a folder beside.
//
// The manual, "Cloning Remote Data": the one that receives is a server itself, empty here, and is
// told a folder to put the copy in, so that it need not be started anew by somebody. The copy has
// the accounts of the other, and what that had executed; its logs begin with what comes next.

import { renameSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import type { FollowOrder } from '../../engine.ts'
import type { TlsFiles } from '../../member-tls.ts'
import { draftOf } from '../mysql-kin/drafts.ts'
import { literal, Session } from '../mysql-kin/session.ts'
import { install, mark } from './install.ts'
import type { MysqlServer } from './server.ts'

/** Where the copy is put: it has to be absent. */
const copyOf = (data: string): string => `${data}.copy`
/** For an empty server to end. */
const endWithin = ms(30_000)
const progressEvery = 500

/** Whom to copy, and who is told how far that is. */
type CloneOrder = Pick<FollowOrder, 'primary' | 'progress'>

/** Resolves when the whole copy lies in the draft folder, stopped. Rejects with a Fault. */
export async function makeClone(
  server: MysqlServer,
  order: CloneOrder,
  identity: string,
  signal: AbortSignal,
): Promise<void> {
  const { options } = server
  const [draft, copy] = [draftOf(options.data), copyOf(options.data)]
  rmSync(copy, { recursive: true, force: true })
  await install(server, signal)
  await server.startAlone(draft, signal)
  const over = new AbortController()
  try {
    using session = await server.connect(signal)
    const { host, port } = order.primary
    const { user, password } = options.accounts.admin
    await session.query('SET GLOBAL super_read_only = OFF', signal)
    await session.query(`SET GLOBAL clone_valid_donor_list = ${literal(`${host}:${port}`)}`, signal)
    for (const each of secureClone(server.tlsFiles)) await session.query(each, signal)
    const watching = watch(server, order, over.signal)
    await session.query(
      `CLONE INSTANCE FROM ${literal(user)}@${literal(host)}:${port}
        IDENTIFIED BY ${literal(password)} DATA DIRECTORY = ${literal(copy)}
        ${server.tlsFiles === undefined ? 'REQUIRE NO SSL' : 'REQUIRE SSL'}`,
      signal,
    )
    over.abort()
    await watching
  } catch (cause) {
    signal.throwIfAborted()
    rmSync(copy, { recursive: true, force: true })
    throw new Fault('failed', `${order.primary.member} could not be copied`, {
      remedy:
        'see that both run the same version of MySQL, that its clone plugin is active, and that ' +
        `there is room beside ${options.data}`,
      cause,
    })
  } finally {
    over.abort()
    await server.end(endWithin)
  }
  rmSync(draft, { recursive: true, force: true })
  renameSync(copy, draft)
  mark(server, draft, identity)
}

/** What the copy comes by (the manual, "Configuring an Encrypted Connection for Cloning"). */
const secureClone = (files: TlsFiles | undefined): readonly string[] =>
  files === undefined
    ? []
    : [
        `SET GLOBAL clone_ssl_ca = ${literal(files.ca)}`,
        `SET GLOBAL clone_ssl_cert = ${literal(files.cert)}`,
        `SET GLOBAL clone_ssl_key = ${literal(files.key)}`,
      ]

/** Tells how far a copy is, as the one that receives it has it. */
async function watch(
  server: MysqlServer,
  { progress }: CloneOrder,
  signal: AbortSignal,
): Promise<void> {
  try {
    using session = await Session.open(
      { socket: server.socket },
      server.options.accounts.admin,
      signal,
    )
    for (;;) {
      const [row] = await session.query(
        `SELECT SUM(DATA) AS done, SUM(ESTIMATE) AS whole FROM performance_schema.clone_progress`,
        signal,
      )
      const whole = Number(row?.whole ?? 0)
      progress({ step: 'copying', done: Number(row?.done ?? 0), of: whole > 0 ? whole : undefined })
      await pause(progressEvery, undefined, { signal })
    }
  } catch (thrown) {
    // It is only for people; that it ends with the copy is no failure.
    if (signal.aborted) return
    server.options.event('progress-unknown', `how far the copy is cannot be told: ${thrown}`)
  }
}
