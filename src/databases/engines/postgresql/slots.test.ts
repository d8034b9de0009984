// Two make one slot at the same moment: neither has failed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Server } from './server.ts'
import type { Row, Session } from './session.ts'
import { ensureSlot, ensureSlots } from './slots.ts'

const { signal } = new AbortController()

/** A server that says `rows` of its slots, and fails with `code` whenever one is to be changed. */
function sessionOf(rows: readonly Row[], code: string) {
  const asked: string[] = []
  const query = async (text: string): Promise<readonly Row[]> => {
    if (!/pg_(?:create|drop)/.test(text)) return rows
    asked.push(text.includes('pg_create') ? 'make' : 'drop')
    throw Object.assign(new Error('it is so already'), { code })
  }
  const session = { query, row: async (text: string) => (await query(text))[0] ?? {} }
  return { asked, session: session as unknown as Session }
}

const peers = ['a', 'b'].map((member) => ({ member, host: 'h', port: 1 }))
const server = { options: { member: 'a', peers } } as unknown as Server

test('one that somebody else has just made is there', async () => {
  const made = sessionOf([], '42710')
  await ensureSlots(server, made.session, signal)
  await ensureSlot(made.session, 'alwayson_b', signal)
  assert.deepEqual(made.asked, ['make', 'make'])
})

test('one that somebody else has just taken away, or uses again, is no trouble', async () => {
  for (const code of ['42704', '55006']) {
    const { asked, session } = sessionOf([{ name: 'alwayson_c', active: false, lost: false }], code)
    await assert.rejects(ensureSlots(server, session, signal), /it is so already/)
    assert.deepEqual(asked, ['drop', 'make'])
  }
})

test('whatever else fails is told', async () => {
  await assert.rejects(ensureSlot(sessionOf([], '53400').session, 'b', signal), /it is so already/)
})
