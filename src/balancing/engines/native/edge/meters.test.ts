// What an edge counts of its requests: as many as there were, each as it ended.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { answering, EdgeBed, get, ok, post, until } from '../../../../../test/support/edge-bed.ts'
import { stage } from '../../../../../test/support/edge-stage.ts'
import { Histogram } from '../../../../control/histogram.ts'

const counted = (bed: EdgeBed): readonly (readonly [string, number, number])[] =>
  bed.edge.meters().requests.map(({ service, method, status, time }) => {
    return [`${service} ${method}`, status, new Histogram().merge(time).count] as const
  })

suite('an edge counts', () => {
  test('each request once, by method, status and service', async () => {
    await using bed = new EdgeBed()
    await using a = await answering('a', () => ok('a'))
    await bed.apply([a.row()])
    const client = await bed.client()
    for (let time = 0; time < 3; time += 1) {
      client.send(get())
      await client.takeMessage()
    }
    client.send(post('x'))
    await client.takeMessage()
    assert.deepEqual(counted(bed), [
      ['web GET', 200, 3],
      ['web POST', 200, 1],
    ])
    const server = bed.edge.meters().servers.a!
    assert.deepEqual(server.answers, [0, 0, 4, 0, 0, 0])
    assert.equal(new Histogram().merge(server.connect).count + server.reused, 4)
    assert.ok(server.bytesIn > 4 * 20 && server.bytesOut > 4 * 20)
    assert.deepEqual(bed.edge.meters().frontends.public?.endings, { done: 4 })
  })

  test('what never reached a server, by its ending', async () => {
    await using on = await stage()
    const bad = await on.bed.client()
    bad.send('GET / HTTP/1.1\r\n\r\n')
    await bad.takeMessage()
    const gone = await on.bed.client()
    gone.send(get())
    await on.upstream().then((peer) => peer.take('\r\n\r\n'))
    gone.socket.resetAndDestroy()
    await until('both to have ended', () => on.bed.report.frontends.public?.connections === 0)
    const { endings, accepted } = on.bed.edge.meters().frontends.public!
    assert.deepEqual(endings, { done: 0, 'bad-request': 1, 'client-gone': 1 })
    assert.equal(accepted, 2)
  })
})
