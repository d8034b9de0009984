// New TLS connections that take up the session of an earlier one: one request each.

import { connect } from 'node:tls'
import { cpuMicros } from '../lib/processes.ts'
import { quantile } from '../lib/report.ts'
import type { OpenProxy, Run } from './load.ts'

const request = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
/** Clients that connect one after the other. */
const clients = 16

interface Visit {
  readonly session: Buffer | undefined
  readonly reused: boolean
  readonly time: number
}

/** One connection; resolves with the session to take up next time. */
function visit(port: number, session: Buffer | undefined): Promise<Visit> {
  const { promise, resolve, reject } = Promise.withResolvers<Visit>()
  const began = performance.now()
  let next = session
  const options = { host: '127.0.0.1', port, rejectUnauthorized: false }
  const socket = connect(session === undefined ? options : { ...options, session })
  socket.on('session', (given: Buffer) => {
    next = given
  })
  socket.on('error', reject)
  let reused = false
  socket.once('secureConnect', () => {
    reused = socket.isSessionReused()
    socket.write(request)
  })
  socket.resume()
  socket.once('close', () => resolve({ session: next, reused, time: performance.now() - began }))
  return promise
}

/** For `seconds`; a connection whose session was not taken up counts as an error. */
export async function resumed(proxy: OpenProxy, seconds: number): Promise<Run> {
  const times: number[] = []
  let errors = 0
  const until = performance.now() + seconds * 1000
  const client = async (): Promise<void> => {
    let { session } = await visit(proxy.port, undefined)
    while (performance.now() < until) {
      const done = await visit(proxy.port, session)
      session = done.session
      times.push(done.time)
      if (!done.reused) errors += 1
    }
  }
  const before = cpuMicros(proxy.pids)
  await Promise.all(Array.from({ length: clients }, client))
  const cpu = cpuMicros(proxy.pids) - before
  times.sort((a, b) => a - b)
  return {
    cost: cpu / times.length,
    perSecond: times.length / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    errors,
  }
}
