// The agent's side of the edges: who is given up, and who is not.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { get, Peer, tableOf, until } from '../../../../test/support/edge-bed.ts'
import { freePort } from '../../../../test/support/edge-processes.ts'
import {
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
} from '../../../control/processes.ts'
import { openRandom } from '../../../foundation/random.ts'
import { type Clock, later, ms, openClock } from '../../../foundation/time.ts'
import type { BalancerEngine } from '../../engine.ts'
import { openNativeBalancer } from './engine.ts'

const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../package.json'), 'utf8'),
) as { readonly version: string }

/** The machine's clock as a frozen process sees it: it is woken long after its time. */
class SleepyClock implements Clock {
  readonly #clock = openClock()
  #slept = ms(0)
  #oversleep = ms(0)
  /** How often somebody was woken. */
  woken = 0

  now() {
    return later(this.#clock.now(), this.#slept)
  }

  after(wait: ReturnType<typeof ms>, wake: () => void): Disposable {
    return this.#clock.after(wait, () => {
      this.woken += 1
      this.#slept = ms(this.#slept + this.#oversleep)
      this.#oversleep = ms(0)
      wake()
    })
  }

  /** The next one to be woken finds that this much more time has passed. */
  oversleep(length: number): void {
    this.#oversleep = ms(length)
  }
}

interface Bed {
  readonly balancer: BalancerEngine
  readonly clock: SleepyClock
  readonly events: string[]
  /** The edge that routes, if one does. */
  edge(): ProcessIdentity | undefined
}

/** A balancer with one edge that routes by an empty table. */
async function withEdge(use: (bed: Bed) => Promise<void>, asVersion = version): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ao-engine-'))
  const clock = new SleepyClock()
  const events: string[] = []
  const listener = {
    changed: () => {},
    signal: () => {},
    counted: () => {},
    event: (rule: string) => void events.push(rule),
  }
  const options = { folder, clock, random: openRandom(), version: asVersion, listener }
  const balancer = await openNativeBalancer(options)
  const routing = () => balancer.observe().find(({ state }) => state === 'routing')
  try {
    await balancer.apply({ version: 1, frontends: [], pools: [] }, 1)
    await until('the edge routes', () => routing() !== undefined)
    const edge = (): ProcessIdentity | undefined => {
      const pid = routing()?.pid
      return pid === undefined ? undefined : identify(pid)
    }
    await use({ balancer, clock, events, edge })
  } finally {
    await balancer.stop(ms(0))
    rmSync(folder, { recursive: true, force: true })
  }
}

suite('the native balancer', () => {
  test('gives up no edge because the agent itself was frozen for a minute', () =>
    withEdge(async ({ clock, events, edge }) => {
      const before = edge()!
      clock.oversleep(60_000)
      const { woken } = clock
      await until('it has asked twice since', () => clock.woken >= woken + 2)
      assert.equal(isAlive(before), true)
      assert.deepEqual(edge(), before)
      assert.equal(events.includes('edge-silent'), false)
    }))

  test('replaces an edge that is asked again and again and says nothing', () =>
    withEdge(async ({ events, edge }) => {
      const frozen = edge()!
      signalProcess(frozen, 'SIGSTOP')
      await until('the frozen edge is gone', () => !isAlive(frozen))
      assert.ok(events.includes('edge-silent'))
      await until('another one routes', () => (edge()?.pid ?? frozen.pid) !== frozen.pid)
    }))

  test('has an edge of another version hand its listeners over to its successor', () =>
    withEdge(async ({ events }) => {
      await until('a hand-over', () => events.some((rule) => rule.startsWith('hand')))
      assert.ok(events.includes('edge-outdated'))
      assert.equal(events.includes('hand-over-failed'), false)
      assert.equal(events.includes('edge-died'), false)
    }, 'another version'))

  // Without that the edge has a minute.
  test('waits for no client that rests on an exchanged edge when all is stopped', {
    timeout: 30_000,
  }, async () => {
    await using stack = new AsyncDisposableStack()
    const folder = mkdtempSync(join(tmpdir(), 'ao-engine-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const [clock, random, nothing] = [openClock(), openRandom(), (): void => undefined]
    const listener = { changed: nothing, signal: nothing, counted: nothing, event: nothing }
    const open = (as: string) =>
      openNativeBalancer({ folder, clock, random, version: as, listener })
    const binds = [{ host: '127.0.0.1', port: await freePort() }]
    const table = tableOf(1, [], { frontend: { binds, routes: [], idleTimeout: ms(600_000) } })
    const before = await open(version)
    await before.apply(table, 1)
    await until('the edge routes', () => before.observe()[0]?.state === 'routing')
    const peer = new Peer(connect({ port: binds[0]!.port, host: '127.0.0.1' }))
    stack.defer(() => peer.close())
    peer.send(get())
    await peer.takeMessage()
    before.leave()
    const balancer = await open('another version')
    stack.defer(() => balancer.stop(ms(0)))
    await balancer.apply({ ...table, version: 2 }, 1)
    const states = () => balancer.observe().map(({ state }) => state)
    await until('the old edge leaves', () => states().includes('stopping'))
    await balancer.stop(ms(60_000))
    assert.equal(await peer.takeEnd(), '')
  })
})
