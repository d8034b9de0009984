// An edge as a process: it outlives its agents, and its replacement refuses nobody.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { suite, test } from 'node:test'
import { answering, get, ok, Peer, tableOf, until } from '../../../../../test/support/edge-bed.ts'
import {
  EdgeProcesses,
  freePort,
  type RunningEdge,
  titleOf,
} from '../../../../../test/support/edge-processes.ts'
import { isAlive, signalProcess } from '../../../../control/processes.ts'
import { ms } from '../../../../foundation/time.ts'
import type { Table, TableServer } from '../../../model.ts'

const tableAt = (version: number, port: number, servers: readonly TableServer[]): Table =>
  tableOf(version, servers, { frontend: { binds: [{ host: '127.0.0.1', port }] } })

const routes = (edge: RunningEdge, table: number): Promise<void> =>
  until(`routing by ${table}`, () =>
    edge.told.some((message) => message.kind === 'routing' && message.table === table),
  )

const client = (port: number): Peer =>
  new Peer(connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }))

/** Clients that ask and ask until they are stopped: half of them connect anew for each request. */
function load(port: number, keep: number, fresh: number): { stop(): Promise<readonly string[]> } {
  let stopped = false
  const failures: string[] = []
  const run = async (lines: string): Promise<void> => {
    let peer: Peer | undefined
    while (!stopped) {
      peer ??= client(port)
      try {
        peer.send(get('/', lines))
        const { head } = await peer.takeMessage()
        if (!head.startsWith('HTTP/1.1 200')) failures.push(head)
        if (!/^connection: close\r$/im.test(head)) continue
      } catch (thrown) {
        failures.push(String(thrown))
      }
      peer.close()
      peer = undefined
    }
    peer?.close()
  }
  const runs = [
    ...Array.from({ length: keep }, () => run('')),
    ...Array.from({ length: fresh }, () => run('Connection: close\r\n')),
  ]
  return {
    stop: async () => {
      stopped = true
      await Promise.all(runs)
      return failures
    },
  }
}

suite('an edge process', () => {
  test('goes on when its agent and its terminal have gone, and takes the next agent', async () => {
    await using edges = new EdgeProcesses()
    await using a = await answering('a', () => ok('still here'))
    const port = await freePort()
    const edge = await edges.start(1, 'one')
    assert.equal(titleOf(edge.identity), 'alwayson: edge 1')
    edge.send({ kind: 'table', table: tableAt(1, port, [a.row()]) })
    await routes(edge, 1)
    edge.unlink()
    signalProcess(edge.identity, 'SIGHUP')
    const peer = client(port)
    peer.send(get())
    assert.equal((await peer.takeMessage()).body, 'still here')
    peer.close()
    await edge.relink()
    await until('a second hello', () =>
      edge.told.some((message) => message.kind === 'hello' && message.table === 1),
    )
    assert.equal(isAlive(edge.identity), true)
  })

  test('obeys the newest of its agents alone', async () => {
    await using edges = new EdgeProcesses()
    await using a = await answering('a', () => ok(''))
    const edge = await edges.start(1, 'one')
    const older = await edge.relink()
    await edge.relink()
    await until('three hellos', () => edge.told.filter((m) => m.kind === 'hello').length === 3)
    older.send({ kind: 'table', table: tableAt(7, await freePort(), [a.row()]) })
    older.send({ kind: 'report' })
    edge.send({ kind: 'table', table: tableAt(2, await freePort(), [a.row()]) })
    await routes(edge, 2)
    assert.equal(
      edge.told.some((message) => message.kind === 'routing' && message.table === 7),
      false,
    )
  })

  test('says which address it cannot have, and serves the others', async () => {
    await using edges = new EdgeProcesses()
    await using a = await answering('a', () => ok('served'))
    const port = await freePort()
    const edge = await edges.start(1, 'one')
    const binds = [
      { host: '127.0.0.1', port: a.port },
      { host: '127.0.0.1', port },
    ]
    edge.send({ kind: 'table', table: tableOf(1, [a.row()], { frontend: { binds } }) })
    await routes(edge, 1)
    const refused = edge.told.find((message) => message.kind === 'bind-failed')
    assert.equal(refused?.kind === 'bind-failed' && refused.code, 'EADDRINUSE')
    const peer = client(port)
    peer.send(get())
    assert.equal((await peer.takeMessage()).body, 'served')
    peer.close()
  })

  test('stops when told: finishes what is in flight, closes who rests, and exits', async () => {
    await using edges = new EdgeProcesses()
    let answer = (): void => undefined
    await using slow = await answering('slow', () => {
      answer = () => slow.peers.at(-1)?.send(ok('finished'))
      return ''
    })
    const port = await freePort()
    const edge = await edges.start(1, 'one')
    edge.send({ kind: 'table', table: tableAt(1, port, [slow.row()]) })
    await routes(edge, 1)
    const [resting, busy] = [client(port), client(port)]
    busy.send(get())
    await until('the request', () => slow.seen.length === 1)
    edge.send({ kind: 'stop', within: ms(10_000) })
    await resting.takeEnd()
    answer()
    const { head, body } = await busy.takeMessage()
    assert.equal(body, 'finished')
    assert.match(head, /\r\nConnection: close\r\n/)
    await until('the exit', () => edge.exitCode !== undefined)
    assert.equal(edge.exitCode, 0)
    for (const peer of [resting, busy]) peer.close()
  })

  test('exits at its deadline, whatever is in flight', async () => {
    await using edges = new EdgeProcesses()
    await using mute = await answering('mute', () => '')
    const port = await freePort()
    const edge = await edges.start(1, 'one')
    edge.send({ kind: 'table', table: tableAt(1, port, [mute.row()]) })
    await routes(edge, 1)
    const peer = client(port)
    peer.send(get())
    await until('the request', () => mute.seen.length === 1)
    edge.send({ kind: 'stop', within: ms(100) })
    await until('the exit', () => edge.exitCode !== undefined)
    peer.close()
  })

  test('is replaced under load without one refused or broken request', async () => {
    await using edges = new EdgeProcesses()
    await using a = await answering('a', () => ok('a'))
    await using b = await answering('b', () => ok('b'))
    const port = await freePort()
    const table = tableAt(1, port, [a.row(), b.row()])
    let current = await edges.start(1, 'first')
    current.send({ kind: 'table', table })
    await routes(current, 1)
    const clients = load(port, 8, 8)
    for (const name of ['second', 'third']) {
      const before = a.seen.length
      const next = await edges.start(1, name, edges.handOverPath)
      next.send({ kind: 'table', table })
      current.send({ kind: 'hand-over', to: edges.handOverPath, within: ms(20_000) })
      await routes(next, 1)
      const old = current
      await until('the old edge to end', () => old.exitCode !== undefined)
      assert.equal(old.exitCode, 0)
      assert.ok(old.told.some((message) => message.kind === 'handed-over'))
      await until('requests through the new edge', () => a.seen.length > before + 100)
      current = next
    }
    assert.deepEqual(await clients.stop(), [])
  })

  test('keeps its listeners when its successor cannot be reached', async () => {
    await using edges = new EdgeProcesses()
    await using a = await answering('a', () => ok('kept'))
    const port = await freePort()
    const edge = await edges.start(1, 'one')
    edge.send({ kind: 'table', table: tableAt(1, port, [a.row()]) })
    await routes(edge, 1)
    edge.send({ kind: 'hand-over', to: edges.handOverPath, within: ms(1000) })
    await until('a refusal', () => edge.told.some(({ kind }) => kind === 'hand-over-failed'))
    const peer = client(port)
    peer.send(get())
    assert.equal((await peer.takeMessage()).body, 'kept')
    peer.close()
  })

  test('opens its addresses itself when no predecessor comes', async () => {
    await using edges = new EdgeProcesses()
    await using a = await answering('a', () => ok('alone'))
    const port = await freePort()
    const edge = await edges.start(1, 'one', edges.handOverPath)
    edge.send({ kind: 'table', table: tableAt(1, port, [a.row()]) })
    await routes(edge, 1)
    const peer = client(port)
    peer.send(get())
    assert.equal((await peer.takeMessage()).body, 'alone')
    peer.close()
  })
})
