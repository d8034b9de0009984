// How is a program of MariaDB or MySQL told a password? By a file that nobody else reads.

import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import type { Account } from '../../engine.ts'

/** A file for one program, with a password in it: only this user reads it. */
export function optionFile(
  path: string,
  { user, password }: Account,
  lines: readonly string[],
): void {
  const quoted = (text: string): string => `"${text.replaceAll(/[\\"]/g, String.raw`\$&`)}"`
  const text = [
    '[client]',
    `user = ${quoted(user)}`,
    `password = ${quoted(password)}`,
    ...lines,
  ].join('\n')
  rmSync(path, { force: true })
  writeFileSync(path, `${text}\n`, { mode: 0o600 })
  chmodSync(path, 0o600)
}
