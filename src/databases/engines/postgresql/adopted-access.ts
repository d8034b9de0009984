// Whom does a server that is taken over let in, now and afterwards? Its pg_hba.conf, as text.

import {
  chmodSync,
  chownSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { Fault } from '../../../foundation/fault.ts'
import { sqlName } from './accounts.ts'
import type { Row } from './session.ts'

const mark = '# Added by Always On, which members receive through while it takes this server over.'

/** The lines that let replicas in, before all others: the first that fits counts. */
export const letInText = (user: string): string =>
  [
    mark,
    `host replication ${sqlName(user)} all scram-sha-256`,
    `host postgres ${sqlName(user)} all scram-sha-256`,
    '',
  ].join('\n')

/** Puts these lines into the file of a server that runs; it is whole at every moment. */
export function letIn(path: string, user: string): void {
  const draft = `${path}.alwayson`
  try {
    const text = readFileSync(path, 'utf8')
    if (text.includes(mark)) return
    const { uid, gid, mode } = statSync(path)
    writeFileSync(draft, letInText(user) + text, { mode: 0o600 })
    restrict(draft, uid, gid)
    chmodSync(draft, mode & 0o777)
    renameSync(draft, path)
  } catch (cause) {
    rmSync(draft, { force: true })
    throw new Fault('refused', `${path} cannot be changed by this user`, {
      remedy: 'run Always On as root, or as the user that the server runs as',
      cause,
    })
  }
}

/** Hands a file to the server's user, unless it is this process's own. */
export function restrict(path: string, uid: number, gid: number): void {
  if (process.getuid?.() === 0) chownSync(path, uid, gid)
}

/** Words that mean something only without quotes (client authentication docs, 20.1). */
const keywords = new Set(['all', 'sameuser', 'samerole', 'samegroup', 'replication'])
const addresses = new Set(['all', 'samehost', 'samenet'])

const quoted = (word: string): string => `"${word.replaceAll('"', '""')}"`

const name = (word: string): string =>
  keywords.has(word) || /^[+@/]/.test(word) ? word : quoted(word)

/** A line of pg_hba.conf from a row of pg_hba_file_rules; `undefined` of one that is wrong. */
export function accessLine(row: Row): string | undefined {
  if (row.error !== null && row.error !== undefined) return undefined
  const list = (words: unknown): string => (words as readonly string[]).map(name).join(',')
  const address = typeof row.address === 'string' ? row.address : undefined
  const mask = typeof row.netmask === 'string' ? [row.netmask] : []
  const from =
    address === undefined ? [] : addresses.has(address) ? [address] : [quoted(address), ...mask]
  const options = ((row.options ?? []) as readonly string[]).map(quoted)
  return [
    ...[String(row.type), list(row.database), list(row.user_name)],
    ...[...from, String(row.auth_method), ...options],
  ].join(' ')
}
