// A session's life, step by step: which server next, when to speak, when to give up, when it is
// over.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { type Instant, instant, later, ms } from '../../foundation/time.ts'
import type { ConnectResponse } from '../../wire/jute/records.ts'
import {
  expiresAt,
  newSession,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionPolicy,
  type Step,
  step,
  wakeAt,
} from './session.ts'

const policy: SessionPolicy = {
  timeout: ms(6000),
  readTimeout: undefined,
  readOnly: false,
  backoff: { first: ms(100), factor: 2, most: ms(1000), jitter: 0 },
  patience: undefined,
}
const hosts = ['a', 'b', 'c'].map((host) => ({ host, port: 2181 }))
const start = instant(1_000_000)
const at = (offset: number): Instant => later(start, ms(offset))
const password = new Uint8Array(16).fill(7)

const response = (more: Partial<ConnectResponse> = {}): ConnectResponse => ({
  protocolVersion: 0,
  timeout: 6000,
  sessionId: 42n,
  password,
  readOnly: false,
  ...more,
})

const kinds = ([, ...effects]: Step): readonly string[] => effects.map(({ kind }) => kind)
const only = <K extends SessionEffect['kind']>([, ...effects]: Step, kind: K) => {
  const found = effects.filter((effect) => effect.kind === kind)
  assert.equal(found.length, 1, `${kind} in ${effects.map((effect) => effect.kind)}`)
  return found[0] as Extract<SessionEffect, { kind: K }>
}

/** Plays events, each at its time; returns the last step. */
function play(session: Session, ...news: readonly (readonly [number, SessionEvent])[]): Step {
  let last: Step = [session]
  for (const [offset, event] of news) last = step(last[0], event, at(offset))
  return last
}

const lost = (heard = 0): SessionEvent => ({ kind: 'lost', heard: at(heard), chance: 0.5 })
const tick = (heard = 0, sent = 0): SessionEvent => ({
  kind: 'tick',
  heard: at(heard),
  sent: at(sent),
  chance: 0.5,
})
const connecting = [
  [0, { kind: 'start' }],
  [0, { kind: 'dialed', lastZxid: 0n }],
] as const

const live = (more: Partial<ConnectResponse> = {}, over: Partial<SessionPolicy> = {}): Session =>
  play(newSession({ ...policy, ...over }, hosts), ...connecting, [
    0,
    { kind: 'greeted', response: response(more) },
  ])[0]

suite('a session', () => {
  test('greets with nothing first, and with who it is and what it has seen after that', () => {
    const first = play(newSession(policy, hosts), ...connecting)
    assert.equal(only(first, 'greet').request.sessionId, 0n)
    assert.equal(only(first, 'greet').request.timeout, 6000)
    const again = play(live(), [10, lost(10)], [10, { kind: 'dialed', lastZxid: 99n }])
    const { request } = only(again, 'greet')
    assert.equal(request.sessionId, 42n)
    assert.deepEqual(request.password, password)
    assert.equal(request.lastZxidSeen, 99n)
  })

  test('tries every server once before it rests, and rests longer after each round', () => {
    let now = 0
    let current = play(newSession(policy, hosts), [now, { kind: 'start' }])
    const seen: string[] = []
    const rests: number[] = []
    for (let tries = 0; tries < 15; tries += 1) {
      seen.push(only(current, 'dial').host.host)
      current = step(current[0], lost(), at(now))
      const { phase } = current[0]
      if (phase.kind !== 'resting') continue
      rests.push(phase.until - at(now))
      now += rests.at(-1)!
      current = step(current[0], tick(), at(now))
    }
    assert.equal(seen.join(''), 'abcabcabcabcabc')
    assert.deepEqual(rests, [100, 200, 400, 800, 1000])
  })

  test('takes the next server at once when one that served is lost', () => {
    const after = play(live(), [2000, lost(1900)])
    assert.equal(only(after, 'dial').host.host, 'b')
    assert.equal(after[0].failures, 0)
  })

  test('rests also when servers take it in and hang up at once', () => {
    let current = play(live({}, { backoff: policy.backoff }), [1, lost(1)])
    for (const offset of [2, 3]) {
      current = play(
        current[0],
        [offset, { kind: 'dialed', lastZxid: 0n }],
        [offset, { kind: 'greeted', response: response() }],
        [offset, lost(offset)],
      )
    }
    assert.equal(current[0].phase.kind, 'resting')
  })

  test('gives a server time to take it in, however short a time-out it asks for', () => {
    const hasty = newSession({ ...policy, timeout: ms(1) }, hosts)
    const dialing = play(hasty, [0, { kind: 'start' }])[0]
    assert.equal(wakeAt(dialing, at(0), at(0)), at(1000))
    const greeting = step(dialing, { kind: 'dialed', lastZxid: 0n }, at(900))[0]
    assert.equal(wakeAt(greeting, at(900), at(900)), at(1000))
  })

  test('gives a server its share of the time-out to take it in', () => {
    const dialing = play(newSession(policy, hosts), [0, { kind: 'start' }])[0]
    assert.equal(wakeAt(dialing, at(0), at(0)), at(1500))
    const after = step(dialing, tick(), at(1500))
    assert.equal(only(after, 'hang-up').why, 'unanswered')
    assert.equal(only(after, 'dial').host.host, 'b')
  })

  test('speaks when a third of the negotiated time-out passed in silence', () => {
    const session = live({ timeout: 3000 })
    assert.equal(wakeAt(session, at(0), at(0)), at(1000))
    assert.deepEqual(kinds(step(session, tick(0, 0), at(999))), [])
    assert.deepEqual(kinds(step(session, tick(0, 0), at(1000))), ['ping'])
    assert.deepEqual(kinds(step(session, tick(0, 500), at(1000))), [])
  })

  test('speaks every 10 s however long the time-out', () => {
    const session = live({ timeout: 300_000 })
    assert.deepEqual(kinds(step(session, tick(0, 0), at(10_000))), ['ping'])
  })

  test('leaves a server that was silent for two thirds of the time-out, or as long as told', () => {
    const silent = step(live({ timeout: 3000 }), tick(0, 1900), at(2000))
    assert.equal(only(silent, 'hang-up').why, 'silent')
    assert.equal(only(silent, 'dial').host.host, 'b')
    const impatient = live({ timeout: 3000 }, { readTimeout: ms(500) })
    assert.equal(only(step(impatient, tick(0, 400), at(500)), 'hang-up').why, 'silent')
    const patient = live({ timeout: 3000 }, { readTimeout: ms(9000) })
    assert.equal(only(step(patient, tick(0, 1900), at(2000)), 'hang-up').why, 'silent')
  })

  test('is over when a server says so, and never does anything after that', () => {
    const over = play(
      live(),
      [10, lost(10)],
      [10, { kind: 'dialed', lastZxid: 1n }],
      [10, { kind: 'greeted', response: response({ timeout: 0, sessionId: 0n }) }],
    )
    assert.deepEqual(kinds(over), ['hang-up', 'finish'])
    assert.deepEqual(over[0].phase, { kind: 'over', why: 'expired' })
    for (const event of [{ kind: 'start' }, lost(), tick(), { kind: 'close' }] as const) {
      assert.deepEqual(step(over[0], event, at(99_999)), [over[0]])
    }
    assert.equal(wakeAt(over[0], at(0), at(0)), undefined)
  })

  test('concludes that it is over a third beyond its time-out without a word', () => {
    const away = play(live({ timeout: 3000 }), [2000, lost(1000)])[0]
    assert.equal(expiresAt(away), at(5000))
    const [still] = step(away, tick(), at(4999))
    assert.notEqual(still.phase.kind, 'over')
    const over = step(still, tick(), at(5000))
    assert.equal(only(over, 'finish').why, 'expired')
  })

  test('concludes it later with patience, and never sooner than without', () => {
    for (const [patience, ends] of [
      [6000, 7000],
      [10, 5000],
    ] as const) {
      const life = live({ timeout: 3000 }, { patience: ms(patience) })
      assert.equal(expiresAt(play(life, [2000, lost(1000)])[0]), at(ends))
    }
  })

  test('never concludes that before a server has given it', () => {
    const young = play(newSession(policy, hosts), [0, { kind: 'start' }], [90_000, lost(0)])
    assert.equal(expiresAt(young[0]), undefined)
    assert.equal(only(young, 'dial').host.host, 'b')
  })

  test('asks for its end, and is over when that is confirmed, refused, or takes too long', () => {
    const closing = step(live(), { kind: 'close' }, at(5))
    assert.deepEqual(kinds(closing), ['send-close'])
    const ends: readonly SessionEvent[] = [{ kind: 'ended', why: 'closed' }, lost(5)]
    for (const event of ends) {
      assert.equal(only(step(closing[0], event, at(6)), 'finish').why, 'closed')
    }
    const late = step(closing[0], tick(), at(5000))
    assert.equal(only(late, 'finish').why, 'closed')
  })

  test('is over at once when it is closed while nobody can be told', () => {
    const away = play(live(), [10, lost(10)], [11, { kind: 'close' }])
    assert.deepEqual(kinds(away), ['hang-up', 'finish'])
  })

  test('looks for a server that writes, ever less often, while on one that only reads', () => {
    const readOnly = live({ readOnly: true, sessionId: 9n }, { readOnly: true })
    assert.equal(readOnly.id, 0n, 'the session of a read-only server is no session elsewhere')
    const first = step(readOnly, tick(100, 100), at(100))
    assert.equal(only(first, 'probe').host.host, 'b')
    assert.deepEqual(kinds(step(first[0], tick(100, 100), at(299))), [])
    const second = step(first[0], tick(100, 100), at(300))
    assert.equal(only(second, 'probe').host.host, 'c')
    const found = step(second[0], { kind: 'found-writable', host: hosts[1]! }, at(301))
    assert.deepEqual(kinds(found), ['hang-up', 'dial'])
    assert.equal(only(found, 'dial').host.host, 'b')
  })

  test('moves when its server is no longer named, and by chance when servers are added', () => {
    const d = { host: 'd', port: 2181 }
    const rehost = (list: typeof hosts, chance: number) =>
      step(live(), { kind: 'rehost', hosts: list, heard: at(0), chance }, at(1))
    assert.equal(only(rehost([d], 0.99), 'dial').host.host, 'd')
    assert.deepEqual(kinds(rehost([...hosts, d], 0.26)), [])
    assert.equal(only(rehost([...hosts, d], 0.24), 'dial').host.host, 'd')
    assert.deepEqual(kinds(rehost(hosts.slice(0, 2), 0)), [])
  })

  test('has one connection at most, always a time to wake, and no way back from its end', () => {
    const when = fc.nat(4000)
    const news = fc.oneof(
      fc.constant<SessionEvent>({ kind: 'start' }),
      fc.constant<SessionEvent>({ kind: 'dialed', lastZxid: 5n }),
      fc
        .record({ timeout: fc.constantFrom(0, 3000, 40_000), readOnly: fc.boolean() })
        .map<SessionEvent>((more) => ({ kind: 'greeted', response: response(more) })),
      fc.constant<SessionEvent>({ kind: 'close' }),
      fc.constant<SessionEvent>({ kind: 'ended', why: 'expired' }),
      fc.constant<SessionEvent>({ kind: 'found-writable', host: hosts[2]! }),
      fc.constantFrom<'lost' | 'tick'>('lost', 'tick'),
      fc.constantFrom<'lost' | 'tick'>('lost', 'tick'),
    )
    const life = fc.array(fc.tuple(when, news), { maxLength: 60 })
    fc.assert(
      fc.property(life, fc.boolean(), (events, readOnly) => {
        let session = newSession({ ...policy, readOnly }, hosts)
        let lines = 0
        let now = 0
        for (const [wait, item] of events) {
          now += wait
          const last = { heard: at(now - wait), sent: at(now - wait), chance: 0.1 }
          const event = typeof item === 'string' ? { kind: item, ...last } : item
          if (event.kind === 'lost' && lines === 0) continue
          if (event.kind === 'lost') lines -= 1
          const [next, ...effects] = step(session, event, at(now))
          const finished = effects.some(({ kind }) => kind === 'finish')
          for (const { kind } of effects) {
            if (kind === 'hang-up') lines = 0
            if (kind === 'dial') lines += 1
            if (['greet', 'establish', 'ping', 'send-close'].includes(kind)) {
              assert.equal(lines, 1, kind)
            }
            assert.ok(lines <= 1, 'two connections at once')
          }
          assert.equal(finished, next.phase.kind === 'over' && session.phase.kind !== 'over')
          if (session.phase.kind === 'over') assert.deepEqual(next, session)
          const wakes = wakeAt(next, at(now), at(now)) !== undefined
          assert.equal(wakes, next.phase.kind !== 'over')
          session = next
        }
      }),
      { numRuns: 500 },
    )
  })
})
