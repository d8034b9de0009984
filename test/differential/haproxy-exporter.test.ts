// A foreign reader of HAProxy's statistics, Prometheus' exporter, reads ours: every line of them.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import { serveTelemetry } from '../../src/telemetry/http.ts'
import { scene } from '../fixtures/scene.ts'

const program = 'prometheus-haproxy-exporter'
const skip = spawnSync(program, ['--version']).error === undefined ? false : 'it is not installed'
const clock = openClock()

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** What a page says once somebody answers there. */
async function read(url: string): Promise<string> {
  const deadline = clock.now() + 15_000
  for (;;) {
    try {
      return await (await fetch(url)).text()
    } catch (thrown) {
      if (clock.now() > deadline) throw thrown
      await sleep(clock, ms(20))
    }
  }
}

test('Prometheus’ exporter for HAProxy reads our statistics', { skip }, async () => {
  using ours = await serveTelemetry({ host: '127.0.0.1', port: 0 }, () => scene())
  const port = await freePort()
  const child = spawn(
    program,
    [
      `--haproxy.scrape-uri=http://127.0.0.1:${ours.port}/stats;csv`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    const page = await read(`http://127.0.0.1:${port}/metrics`)
    const value = (name: string): string | undefined =>
      page
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1)
    assert.equal(value('haproxy_up'), '1')
    assert.equal(value('haproxy_exporter_csv_parse_failures_total'), '0')
    assert.equal(value('haproxy_server_up{backend="web",server="web-1"}'), '1')
    assert.equal(value('haproxy_server_weight{backend="web",server="web-1"}'), '2')
    assert.equal(value('haproxy_server_bytes_in_total{backend="web",server="web-1"}'), '400')
    assert.equal(value('haproxy_frontend_http_requests_total{frontend="public"}'), '5')
    assert.equal(value('haproxy_backend_up{backend="web"}'), '1')
    assert.equal(value('haproxy_frontend_http_responses_total{code="2xx",frontend="public"}'), '3')
  } finally {
    child.kill('SIGKILL')
    await ended
  }
})
