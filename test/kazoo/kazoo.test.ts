// A client that others wrote, with its recipes: kazoo sees no difference between the embedded
// server and Apache ZooKeeper.

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { promisify } from 'node:util'
import { openEmbedded } from '../engines/embedded.ts'
import { openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'

const python = '/usr/bin/python3'
const recipes = join(import.meta.dirname, 'recipes.py')

/** Why kazoo cannot run here; `false` when it can. */
function kazooMissing(): string | false {
  const found = spawnSync(python, ['-c', 'import kazoo']).status === 0
  return found ? false : 'kazoo is missing: apt-get install python3-kazoo'
}

interface Said {
  readonly name: string
  readonly wrong: string | null
}

interface Opened extends AsyncDisposable {
  readonly port: number
}

function recipesPass(name: string, open: () => Promise<Opened>, missing: string | false): void {
  suite(`kazoo with ${name}`, { skip: missing }, () => {
    test('every recipe keeps its promise', { timeout: 120_000 }, async (context) => {
      await using server = await open()
      const { stdout } = await promisify(execFile)(python, [recipes, `127.0.0.1:${server.port}`])
      const said = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Said)
      assert.ok(said.length >= 15, stdout)
      for (const { name: promise, wrong } of said) {
        await context.test(promise, () => assert.equal(wrong, null, wrong ?? ''))
      }
    })
  })
}

const missing = kazooMissing()
recipesPass('the embedded server', () => openEmbedded(), missing)
recipesPass('Apache ZooKeeper', () => openZooKeeper(), missing || zookeeperMissing())
