// Are the pages that are made from the code those of the code as it is?

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pages } from '../scripts/generate.ts'

for (const [path, make] of Object.entries(pages)) {
  test(`${path} is what the code says`, () => {
    const kept = readFileSync(join(import.meta.dirname, '..', path), 'utf8')
    assert.equal(kept, make(), `${path} is stale: npm run generate`)
  })
}
