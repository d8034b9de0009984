// Whether it is seen what a statement of MySQL leaves in its session, and not what looks like it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceOf } from './statements.ts'

const cases = {
  nothing: [
    'SELECT 1',
    'UPDATE x SET a = \'SET @b; use c\' WHERE mail = "a@b"',
    'SELECT `temporary`, `lock` FROM x # use it',
    'SELECT @@global.read_only /* @a */',
    'SET GLOBAL read_only = 1',
    "INSERT INTO x VALUES ('it\\'s @home')",
    'SELECT 1 -- lock tables',
  ],
  setting: ['SET NAMES utf8mb4', 'set @@session.sql_mode = 1', 'USE shop', 'SET autocommit = 0'],
  state: [
    'SET @a = 1',
    'SELECT @a := 2',
    'CREATE TEMPORARY TABLE x (id int)',
    "SELECT GET_LOCK('a', 1)",
    'LOCK TABLES x READ',
    'FLUSH TABLES WITH READ LOCK',
    'SELECT LAST_INSERT_ID()',
    'SELECT SQL_CALC_FOUND_ROWS * FROM x',
    'PREPARE x FROM "SELECT 1"',
    'HANDLER x OPEN',
    'CALL close_month()',
    'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    '/*!50000 SET a = 1 */',
    'SET NAMES utf8; SELECT 1',
  ],
} as const

for (const [kind, texts] of Object.entries(cases)) {
  test(`sees ${kind}`, () => {
    for (const text of texts) assert.equal(traceOf(text).kind, kind, text)
  })
}

test('takes time in proportion to the text', () => {
  for (const part of ["'", '"', '`', '/*', "'\\", '-- x\n', '#', '@']) {
    assert.ok(traceOf(`set ${part.repeat(20_000)}`).kind !== undefined)
  }
})
