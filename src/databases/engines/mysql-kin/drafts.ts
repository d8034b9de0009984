// Where is a data folder made before it takes its place whole, and what shapes its files?

import { existsSync, renameSync, rmSync } from 'node:fs'

/** Where a folder is made before it takes its place whole. */
export const draftOf = (data: string): string => `${data}.new`

/** What shapes the files themselves has to be said when they are made. */
export const innodbOptions = (
  settings: Readonly<Record<string, string>>,
  isAllowed: (name: string, value: string) => boolean,
): readonly string[] =>
  Object.entries(settings)
    .filter(([name, value]) => isAllowed(name, value))
    .filter(([name]) => /^(loose[_-])?innodb[_-]/i.test(name))
    .map(([name, value]) => `--${name}=${value}`)

/** Puts the complete draft in the place of what was there. */
export function putInPlace(data: string): void {
  const old = `${data}.old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(data)) renameSync(data, old)
  renameSync(draftOf(data), data)
  rmSync(old, { recursive: true, force: true })
}
