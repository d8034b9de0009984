// A file that could not be applied to databases is no reason that the next one cannot be.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AgentDatabasesOptions } from './database-options.ts'
import { AgentDatabases } from './databases.ts'

test('after one that failed the next is applied, and all of them end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'databases-'))
  try {
    const guards = join(folder, 'guards')
    const databases = new AgentDatabases({
      ...{ folders: { guards }, cluster: undefined, event: () => {} },
    } as unknown as AgentDatabasesOptions)
    writeFileSync(guards, 'no folder')
    databases.plan([])
    await assert.rejects(databases.apply(), { code: 'ENOTDIR' })
    rmSync(guards)
    await databases.apply()
    await databases.leave()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
