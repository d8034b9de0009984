// Whether it is seen what a statement leaves in its session, and not what only looks like it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceOf } from './statements.ts'

const harmless = [
  'SELECT 1',
  "UPDATE rows SET name = 'x' WHERE id = 1",
  "INSERT INTO rows VALUES ('set x; listen y') ON CONFLICT DO UPDATE SET a = 1",
  'BEGIN; SET LOCAL work_mem = 1; COMMIT',
  'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  'SELECT "temp" FROM rows -- load it',
  '/* listen /* prepare */ */ SELECT $$ declare $$, $a$ set_config $a$',
  "SELECT E'it\\'s; SET x = 1; '",
  'SELECT pg_advisory_xact_lock(1)',
  'DECLARE c CURSOR FOR SELECT 1',
  "PREPARE TRANSACTION 'x'",
  'DISCARD PLANS',
  'SELECT pg_advisory_unlock_all(); CLOSE ALL',
]

const stateful = [
  'LISTEN news',
  'select 1; listen news',
  'CREATE TEMP TABLE x (id int)',
  'create temporary table x (id int)',
  'SELECT * INTO TEMP x FROM y',
  'SELECT pg_advisory_lock(1)',
  'SELECT pg_try_advisory_lock_shared(1)',
  "SELECT set_config('a', 'b', false)",
  'PREPARE x AS SELECT 1',
  'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
  "LOAD 'auto_explain'",
  "SELECT currval('rows_id_seq')",
  'SET a = 1; SELECT 1',
  '-- comment\nSET a = 1; SET b = 2',
  "DO $$ begin perform set_config('a', 'b', false); end $$",
  'SET standard_conforming_strings = off',
  'DEALLOCATE a; DEALLOCATE b',
  'DISCARD ALL; SELECT 1',
]

const settings = [
  'SET search_path TO x',
  ' /* c */ set statement_timeout = 5;',
  'RESET search_path',
  'SET ROLE reader',
  'SET SESSION AUTHORIZATION reader',
  "SET TIME ZONE 'UTC'",
  'SET standard_conforming_strings = on',
]

test('sees what is taken away', () => {
  for (const [text, what] of [
    ['discard all;', { what: 'everything' }],
    [' /* c */ RESET ALL;', { what: 'settings', role: false }],
    ['set session authorization default; reset all', { what: 'settings', role: true }],
    ['CLOSE ALL; UNLISTEN *; RESET ALL', { what: 'settings', role: false }],
    ['DEALLOCATE ALL', { what: 'statements' }],
    ['DEALLOCATE PREPARE Put', { what: 'statement', name: 'put' }],
    ['deallocate "S_1"', { what: 'statement', name: 'S_1' }],
  ] as const) {
    assert.deepEqual(traceOf(text), { kind: 'forgets', ...what }, text)
  }
})

for (const [kind, texts] of [
  ['nothing', harmless],
  ['state', stateful],
  ['setting', settings],
] as const) {
  test(`sees ${kind}`, () => {
    for (const text of texts) {
      assert.equal(traceOf(text).kind, kind, text)
      assert.equal(traceOf(text).kind, kind, `again: ${text}`)
    }
  })
}

test('takes time in proportion to the text', () => {
  for (const text of ['deallocate', 'deallocate a', 'discard all', 'deallocate prepare']) {
    assert.equal(traceOf(`${text}${' '.repeat(60_000)}!`).kind, 'state')
  }
  for (const part of ["'", '/*', '$$', '$a$ ', "E'\\", '-- set\n', 'set;', '"']) {
    assert.ok(traceOf(`set ${part.repeat(20_000)}`).kind !== undefined)
  }
})
