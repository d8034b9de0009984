// The agent's side of the edges: who is given up, and who is not.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { get, Peer, tableOf, until } from '../../../../test/support/edge-bed.ts'
import { freePort } from '../../../../test/support/edge-processes.ts'
import { openLink } from '../../../control/link.ts'
import {
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
} from '../../../control/processes.ts'
import { openRandom } from '../../../foundation/random.ts'
import { type Clock, later, ms, openClock } from '../../../foundation/time.ts'
import type { BalancerEngine } from '../../engine.ts'
import type { Table } from '../../model.ts'
import { type EdgeFiles, edgeFiles, makeEdgeFolder } from './edge-files.ts'
import { spawnEdge } from './edge-link.ts'
import { openNativeBalancer } from './engine.ts'
import type { AgentMessage, EdgeMessage } from './protocol.ts'

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

/** A folder in which agents follow each other; no edge of theirs outlives it. */
class Succession implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'ao-engine-'))
  readonly events: string[] = []
  readonly #stack = new AsyncDisposableStack()
  #bind = { host: '127.0.0.1', port: 0 }

  constructor() {
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** With an address to listen on. */
  async bound(): Promise<this> {
    this.#bind = { ...this.#bind, port: await freePort() }
    return this
  }

  /** With what an agent left behind: an edge that routes. */
  async begun(): Promise<this> {
    await this.bound()
    const before = await this.#make(version)
    await before.apply(this.tableOf(1), 1)
    this.mind(identify(before.observe()[0]!.pid)!)
    await until('the edge routes', () => before.observe()[0]?.state === 'routing')
    before.leave()
    return this
  }

  tableOf(number: number): Table {
    const binds = this.#bind.port === 0 ? [] : [this.#bind]
    return tableOf(number, [], { frontend: { binds, routes: [], idleTimeout: ms(600_000) } })
  }

  #make(asVersion: string): Promise<BalancerEngine> {
    const [{ folder }, nothing] = [this, (): void => undefined]
    const event = (rule: string): void => void this.events.push(rule)
    const listener = { changed: nothing, signal: nothing, counted: nothing, event }
    const made = { clock: openClock(), random: openRandom(), version: asVersion }
    return openNativeBalancer({ folder, ...made, listener })
  }

  async open(asVersion: string): Promise<BalancerEngine> {
    const balancer = await this.#make(asVersion)
    this.#stack.defer(() => balancer.stop(ms(0)))
    return balancer
  }

  /** Ends this edge with the test, if it lives so long. */
  mind(edge: ProcessIdentity): void {
    this.#stack.defer(() => void signalProcess(edge, 'SIGKILL'))
  }

  /** An agent of another version, which has exchanged the edge that is there. */
  async exchanged(): Promise<BalancerEngine> {
    const balancer = await this.open('another version')
    await balancer.apply(this.tableOf(2), 1)
    const states = () => balancer.observe().map(({ state }) => state)
    await until('the old edge leaves', () => states().includes('stopping'))
    return balancer
  }

  /** What an agent leaves that is killed as soon as it has started a successor. */
  spawnSuccessor(isWaiting = true): ProcessIdentity {
    const { logPath } = makeEdgeFolder(this.folder)
    const successor = spawnEdge(1, this.#younger, logPath, isWaiting)
    this.mind(successor)
    return successor
  }

  get #younger(): EdgeFiles {
    return edgeFiles(this.folder, 1, 7)
  }

  /** What an agent leaves that is killed when the successor listens and the other one leaves. */
  async spawnListening(): Promise<ProcessIdentity> {
    const successor = this.spawnSuccessor(false)
    const { socket } = this.#younger
    await until('it can be talked to', () => existsSync(socket))
    let isRouting = false
    const listener = {
      message: ({ kind }: EdgeMessage) => {
        isRouting ||= kind === 'routing'
      },
      ended: () => undefined,
    }
    const open = () => openLink<AgentMessage, EdgeMessage>(socket, listener)
    // The socket is there a moment before anybody listens at it.
    const link = await open().catch(open)
    link.send({ kind: 'table', table: this.tableOf(1) })
    await until('it listens', () => isRouting)
    link.close()
    return successor
  }

  #client(): Peer {
    const peer = new Peer(connect(this.#bind))
    this.#stack.defer(() => peer.close())
    return peer
  }

  /** A client that has had an answer, and keeps its connection. */
  async restingClient(): Promise<Peer> {
    const peer = this.#client()
    peer.send(get())
    await peer.takeMessage()
    return peer
  }

  /** Asks again and again, each time over a new connection; `stop` returns what went wrong. */
  clients(): { stop(): Promise<readonly string[]> } {
    let isOver = false
    const failures: string[] = []
    const run = async (): Promise<void> => {
      do {
        const peer = this.#client()
        peer.send(get('/', 'Connection: close\r\n'))
        await peer.takeMessage().catch((thrown) => failures.push(String(thrown)))
        peer.close()
      } while (!isOver)
    }
    const running = run()
    return {
      stop: async () => {
        isOver = true
        await running
        return failures
      },
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
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
    await using bed = await new Succession().begun()
    const peer = await bed.restingClient()
    const balancer = await bed.exchanged()
    await balancer.stop(ms(60_000))
    assert.equal(await peer.takeEnd(), '')
  })

  test('starts nobody in place of an exchanged edge when fewer edges are wanted', async () => {
    await using bed = await new Succession().begun()
    const peer = await bed.restingClient()
    const balancer = await bed.exchanged()
    await balancer.apply(bed.tableOf(3), 0)
    const { length } = bed.events
    await until('only that one is left', () => balancer.observe().length === 1)
    const [left] = balancer.observe()
    await until('it says how it is', () => balancer.observe()[0]?.report !== left?.report)
    peer.close()
    await until('it has gone', () => balancer.observe().length === 0)
    assert.equal(bed.events.slice(length).includes('edge-missing'), false)
  })

  test('has a successor that is on its way end too when fewer edges are wanted', async () => {
    await using bed = new Succession()
    const balancer = await bed.open('another version')
    await balancer.apply(bed.tableOf(1), 1)
    await until('its successor starts', () => balancer.observe().length === 2)
    const edges = balancer.observe().map(({ pid }) => identify(pid)!)
    for (const edge of edges) bed.mind(edge)
    await balancer.apply(bed.tableOf(2), 0)
    await until('both are gone', () => !edges.some(isAlive))
  })

  test('goes on with an exchange that an agent before it had begun', async () => {
    await using bed = await new Succession().begun()
    const successor = bed.spawnSuccessor()
    const clients = bed.clients()
    const balancer = await bed.open(version)
    await balancer.apply(bed.tableOf(2), 1)
    const isOver = (): boolean => balancer.observe().every(({ pid }) => pid === successor.pid)
    await until('the successor is alone', isOver)
    await until('it routes', () => balancer.observe()[0]?.state === 'routing')
    assert.deepEqual(await clients.stop(), [])
    assert.ok(bed.events.includes('handed-over'))
  })

  test('has an edge leave whose successor listens already', async () => {
    await using bed = await new Succession().begun()
    const successor = await bed.spawnListening()
    const balancer = await bed.open(version)
    await balancer.apply(bed.tableOf(2), 1)
    const isOver = (): boolean => balancer.observe().every(({ pid }) => pid === successor.pid)
    await until('the successor is alone', isOver)
    assert.deepEqual(bed.events, ['edge-missing', 'edge-succeeded'])
    assert.equal(isAlive(successor), true)
  })

  test('lets an edge open its doors that waits for one which is gone', async () => {
    await using bed = await new Succession().bound()
    bed.spawnSuccessor()
    const balancer = await bed.open(version)
    await balancer.apply(bed.tableOf(1), 1)
    await until('it routes', () => balancer.observe()[0]?.state === 'routing')
    assert.deepEqual(bed.events, ['edge-waits-for-nobody'])
    const clients = bed.clients()
    assert.deepEqual(await clients.stop(), [])
  })
})
