// What is shown to those who ask over HTTP: figures that machines read, a page that people read.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { scene, serverScene } from '../../test/fixtures/scene.ts'
import { replyTo, serveTelemetry } from './http.ts'

suite('over HTTP', () => {
  test('metrics have the names of OpenTelemetry, in seconds, with buckets that add up', () => {
    const { status, type, body } = replyTo('/metrics', scene())
    assert.deepEqual([status, type.split(';')[0]], [200, 'text/plain'])
    const labels =
      'alwayson_frontend="public",alwayson_service="web",' +
      'http_request_method="GET",http_response_status_code="200"'
    const name = 'http_server_request_duration_seconds'
    assert.ok(body.includes(`${name}_bucket{${labels},le="0.0025"} 0\n`))
    assert.ok(body.includes(`${name}_bucket{${labels},le="0.005"} 2\n`))
    assert.ok(body.includes(`${name}_bucket{${labels},le="+Inf"} 3\n`))
    assert.ok(body.includes(`${name}_sum{${labels}} 0.708\n`))
    assert.ok(body.includes('alwayson_events_total{room="services",rule="deployed"} 2\n'))
    assert.ok(body.includes('alwayson_server_up{service="web",server="web-1"} 1\n'))
  })

  test('every line of the metrics has the form that Prometheus reads', () => {
    const families = new Set<string>()
    for (const line of replyTo('/metrics', scene()).body.trimEnd().split('\n')) {
      const comment = /^# (HELP|TYPE) ([a-z_]+) ./.exec(line)
      if (comment?.[1] === 'TYPE') {
        assert.ok(!families.has(comment[2]!), `${line} stands twice`)
        families.add(comment[2]!)
      }
      const sample = /^([a-z_]+)(\{([a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? -?[0-9.e+-]+$/.exec(line)
      assert.ok(comment !== null || sample !== null, line)
      const family = sample?.[1]?.replace(/_(bucket|sum|count)$/, '') ?? ''
      if (sample !== null) assert.ok(families.has(sample[1]!) || families.has(family), line)
    }
  })

  test('labels cannot break out of their quotes', () => {
    const odd = scene({ events: new Map([['a" b\\c\nd', 1]]) })
    assert.ok(replyTo('/metrics', odd).body.includes('room="a\\"",rule="b\\\\c\\nd"'))
  })

  test('the statistics are where exporters look for them', () => {
    const targets = ['/stats;csv', '/;csv', '/haproxy?stats;csv', '/stats;csv;norefresh']
    for (const target of targets) {
      const { body, status } = replyTo(target, scene())
      assert.equal(status, 200, target)
      assert.ok(body.startsWith('# pxname,svname,qcur,'), target)
    }
    assert.equal(JSON.parse(replyTo('/stats;json', scene()).body).length, 4)
  })

  test('health says what is wrong, and fails only when nobody is answered', () => {
    const [service] = scene().services
    const dark = scene({ services: [{ ...service!, up: 0 }] })
    const lacking = scene({ services: [{ ...service!, up: 1 }] })
    const health = (at: ReturnType<typeof scene>) => {
      const { status, body } = replyTo('/health', at)
      return [status, JSON.parse(body).status, JSON.parse(body).notes]
    }
    assert.deepEqual(health(scene()), [200, 'pass', []])
    assert.deepEqual(health(lacking), [200, 'warn', ['1 of 2 of web are up']])
    assert.deepEqual(health(dark), [503, 'fail', ['nothing of web is up']])
    assert.deepEqual(health(scene({ edges: [] })), [503, 'fail', ['no edge routes']])
  })

  test('the page is complete in itself, and no name becomes markup', () => {
    const [service] = scene().services
    const odd = serverScene('<img src=x>', { routed: 'down', verdict: 'down' })
    const page = replyTo('/stats', scene({ services: [{ ...service!, servers: [odd] }] })).body
    assert.ok(page.includes('&lt;img src=x>'))
    assert.doesNotMatch(page, /<img|<script|https?:\/\//)
    assert.match(page, /<svg /)
  })

  test('only what is asked for is answered, and nothing can be changed', async () => {
    using server = await serveTelemetry({ host: '127.0.0.1', port: 0 }, () => scene())
    const at = `http://127.0.0.1:${server.port}`
    assert.equal((await fetch(`${at}/metrics`)).status, 200)
    assert.equal((await fetch(`${at}/metrics`, { method: 'HEAD' })).status, 200)
    assert.equal((await fetch(`${at}/metrics`, { method: 'POST', body: 'x' })).status, 405)
    assert.equal((await fetch(`${at}/etc/passwd`)).status, 404)
    await assert.rejects(
      serveTelemetry({ host: '127.0.0.1', port: server.port }, () => scene()),
      { code: 'in-use' },
    )
  })
})
