// Where is a data folder made before it takes its place whole, and what shapes its files?

import { existsSync, renameSync, rmSync } from 'node:fs'

/** Where a folder is made before it takes its place whole. */
export const draftOf = (data: string): string => `${data}.new`

/** Settings that shape the files, and what a name means in them: no other start can change that. */
const shapes = /^(loose[_-])?(innodb[_-]|lower[_-]case[_-]table[_-]names$)/i

/** What has to be said when files are made. */
export const shapingOptions = (
  settings: Readonly<Record<string, string>>,
  isAllowed: (name: string, value: string) => boolean,
): readonly string[] =>
  Object.entries(settings)
    .filter(([name, value]) => isAllowed(name, value))
    .filter(([name]) => shapes.test(name))
    .map(([name, value]) => `--${name}=${value}`)

/** Puts the complete draft in the place of what was there. */
export function putInPlace(data: string): void {
  const old = `${data}.old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(data)) renameSync(data, old)
  renameSync(draftOf(data), data)
  rmSync(old, { recursive: true, force: true })
}
