// What is remembered of a session, so that another server can be told, and how much of it at most.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isPlain, isRole, settingOf, traceOf } from '../../../../wire/postgresql/statements.ts'
import { SessionMemory } from './memory.ts'

const open = (): SessionMemory => new SessionMemory({ traceOf, isPlain, settingOf, isRole })

function asks(memory: SessionMemory, text: string): void {
  memory.query(text, true)
  memory.ready()
}

/** Prepares each text without a name and executes it, all before one Sync. */
function askTogether(memory: SessionMemory, ...texts: readonly string[]): void {
  for (const text of texts) {
    memory.parse('', text, Buffer.from(text))
    memory.execute(true)
  }
  memory.asked()
  for (const _ of texts) memory.parsed()
  memory.ready()
}

function prepares(memory: SessionMemory, name: string, body: string): void {
  memory.parse(name, 'SELECT 1', Buffer.from(body))
  memory.asked()
  memory.parsed()
  memory.ready()
}

suite('what a session has set', () => {
  test('is all that was set before one Sync', () => {
    const memory = open()
    askTogether(memory, 'SET a = 1', 'SET b = 2')
    assert.deepEqual(memory.settings, ['SET a = 1', 'SET b = 2'])
  })

  test('binds it where a transaction may have begun, and ended without it', () => {
    const memory = open()
    askTogether(memory, 'BEGIN', 'SET a = 1', 'ROLLBACK')
    assert.equal(memory.boundBy, 'a setting among other statements')
  })

  test('is not set anew by the next statement that has a name', () => {
    const memory = open()
    prepares(memory, 'one', 'SELECT 1')
    askTogether(memory, 'SET a = 1')
    asks(memory, 'SET a = 2')
    memory.execute(true)
    memory.asked()
    memory.ready()
    assert.deepEqual(memory.settings, ['SET a = 2'])
    assert.equal(memory.boundBy, undefined)
  })

  test('is the last of the values of each setting, unless they add up', () => {
    const memory = open()
    for (let n = 0; n < 1000; n += 1) asks(memory, `set session Shop.customer to '${n}'`)
    for (const style of ['ISO', 'DMY']) asks(memory, `SET datestyle = ${style}`)
    assert.deepEqual(memory.settings, [
      "set session Shop.customer to '999'",
      'SET datestyle = ISO',
      'SET datestyle = DMY',
    ])
    assert.equal(memory.boundBy, undefined)
  })

  test('is gone after DISCARD ALL', () => {
    const memory = open()
    asks(memory, 'SET search_path TO one')
    asks(memory, 'DISCARD ALL')
    assert.deepEqual(memory.settings, [])
    asks(memory, 'SET a = 1')
    assert.deepEqual(memory.settings, ['SET a = 1'])
  })

  test('is gone after what pools say between two of their clients', () => {
    const ways = [
      'SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;',
      'SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;' +
        'SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP',
      'RESET ALL',
    ]
    for (const way of ways) {
      const memory = open()
      asks(memory, 'SET search_path TO one')
      asks(memory, 'SET ROLE clerk')
      prepares(memory, 'one', 'SELECT 1')
      asks(memory, way)
      assert.deepEqual(memory.settings, way.includes('DEFAULT') ? [] : ['SET ROLE clerk'])
      assert.deepEqual([...memory.prepared.keys()], ['one'])
      assert.equal(memory.boundBy, undefined)
    }
    const bound = open()
    bound.query('RESET ALL', false)
    assert.equal(bound.boundBy, 'that it gives up what it had set')
  })

  test('does not grow without end', () => {
    const memory = open()
    for (let n = 0; n < 1000; n += 1) asks(memory, `SET shop.n${n} = 1`)
    assert.equal(memory.boundBy, 'more settings than are kept')
    assert.deepEqual(memory.settings, [])
  })
})

suite('what a session has prepared', () => {
  test('does not grow without end', () => {
    for (const [count, length] of [
      [1000, 10],
      [100, 10_000],
    ] as const) {
      const memory = open()
      for (let n = 0; n < count; n += 1) prepares(memory, `s${n}`, 'x'.repeat(length))
      assert.equal(memory.boundBy, 'more prepared statements than are kept')
      assert.equal(memory.prepared.size, 0)
    }
  })

  for (const [text, left] of [
    ['DEALLOCATE one', ['two']],
    ['DEALLOCATE ALL', []],
    ['DISCARD ALL', []],
  ] as const) {
    test(`is gone after ${text}`, () => {
      const memory = open()
      prepares(memory, 'one', 'SELECT 1')
      prepares(memory, 'two', 'SELECT 2')
      asks(memory, text)
      assert.deepEqual([...memory.prepared.keys()], left)
      assert.equal(memory.boundBy, undefined)
    })
  }

  test('is what is there, however much there was', () => {
    const memory = open()
    for (let n = 0; n < 1000; n += 1) {
      prepares(memory, `s${n}`, 'SELECT 1')
      asks(memory, `DEALLOCATE s${n}`)
    }
    assert.equal(memory.boundBy, undefined)
  })
})
