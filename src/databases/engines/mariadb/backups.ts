// The backups of a MariaDB: all tables as of one moment, from any member, and the primary's log.

import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../foundation/fault.ts'
import type { Instant } from '../../../foundation/time.ts'
import type { CopiedBase, KeepPart, OpenBackups, RestoreOrder } from '../../backups/engine.ts'
import type { MemberAddress, Progress } from '../../engine.ts'
import { putTlsFiles, tlsFilesIn } from '../../member-tls.ts'
import { KinBackups, type KinLog } from '../mysql-kin/backups.ts'
import { optionFile } from '../mysql-kin/option-file-of.ts'
import { ended, start } from '../mysql-kin/processes.ts'
import { clientLines } from '../mysql-kin/tls.ts'
import { dumpPart } from './kept-base.ts'
import { chainFrom, readGroups } from './log-chain.ts'
import { receiveLog } from './log-receiver.ts'
import { findPrograms, type Programs } from './programs.ts'
import { restore } from './restore.ts'

/** The statement that says the position of the copy: lines never begin within what rows hold. */
const positionIn = /^(?:-- )?SET GLOBAL gtid_slave_pos='([\d,-]*)'/m
/** Longer than that statement. */
const overlap = 4096

const log: KinLog = { readGroups, chainFrom, receive: receiveLog }

class MariadbBackups extends KinBackups {
  async copy(
    member: MemberAddress,
    label: string,
    keep: KeepPart,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<CopiedBase> {
    const programs = await findPrograms(this.options.home)
    const run = join(this.options.run, label.replaceAll(/[^\w-]/g, '-'))
    await mkdir(run, { recursive: true, mode: 0o700 })
    const file = join(run, 'copy-from.cnf')
    try {
      using session = await this.open(member, signal)
      const { version } = await session.one('SELECT VERSION() AS version', signal)
      const { of } = await session.one(
        'SELECT SUM(DATA_LENGTH) AS `of` FROM information_schema.TABLES',
        signal,
      )
      const certificate = this.options.tls?.()
      if (certificate !== undefined) putTlsFiles(run, certificate, undefined)
      const lines = [
        ...[`host = "${member.host}"`, `port = ${member.port}`],
        ...clientLines(certificate && tlsFilesIn(run)),
      ]
      optionFile(file, this.options.accounts.admin, lines)
      const seen = await this.#dump(programs, file, keep, Number(of ?? 0), progress, signal)
      return { version: String(version), start: seen.at, end: seen.at, ...seen }
    } finally {
      rmSync(run, { recursive: true, force: true })
    }
  }

  async #dump(
    programs: Programs,
    file: string,
    keep: KeepPart,
    of: number,
    progress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<{ readonly at: string; readonly bytes: number; readonly ended: Instant }> {
    const { now } = this.options
    const dump = start(programs.dump, dumpWords(file), {}, signal)
    const out = dump.stdout
    if (out === null) throw new Fault('failed', 'no pipe was made')
    let [bytes, last, at] = [0, '', undefined as string | undefined]
    const counted = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of out as AsyncIterable<Buffer>) {
        const text = last + chunk.toString('latin1')
        at ??= positionIn.exec(text)?.[1]
        last = text.slice(-overlap)
        bytes += chunk.length
        progress({ step: 'copying', done: bytes, of: Math.max(of, bytes) })
        yield chunk
      }
    }
    const [kept, over] = await Promise.allSettled([
      keep(dumpPart, counted()),
      ended(dump, 'mariadb-dump'),
    ])
    // One whose bytes nobody takes is broken off by that.
    if (kept.status === 'rejected') throw kept.reason
    // A dump that was broken off ends early: what it gave is kept by nobody then.
    if (over.status === 'rejected') throw over.reason
    if (at !== undefined) return { at, bytes, ended: now() }
    throw new Fault('failed', 'the copy does not say at which position it was made')
  }

  restore(order: RestoreOrder, signal: AbortSignal) {
    return restore(this.options, order, signal)
  }
}

const dumpWords = (file: string): readonly string[] => [
  ...[`--defaults-file=${file}`, '--all-databases', '--single-transaction', '--master-data=1'],
  ...['--gtid', '--routines', '--triggers', '--events', '--hex-blob', '--flush-privileges'],
  ...['--default-character-set=utf8mb4', '--max-allowed-packet=1G'],
]

/** Opens the backups of one database of MariaDB. */
export const openMariadbBackups: OpenBackups = (options) => new MariadbBackups(options, log)
