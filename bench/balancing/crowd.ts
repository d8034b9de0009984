// Many connections that do little: what they cost in memory, and whether others suffer from them.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { OpenProxy, Run } from './load.ts'
import { wrk } from './wrk.ts'

/** VmRSS of proc(5), of all processes, in KiB. */
const residentKib = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return sum + Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
  }, 0)

const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const tlsOptions = { host: '127.0.0.1', rejectUnauthorized: false }

function open(port: number, tls: boolean): Socket {
  return tls ? connectTls({ ...tlsOptions, port }) : connect(port, '127.0.0.1')
}

async function asked(port: number, tls: boolean): Promise<Socket> {
  const socket = open(port, tls)
  await once(socket, tls ? 'secureConnect' : 'connect')
  socket.write(request)
  await once(socket, 'data')
  return socket
}

const nothing = { perSecond: Number.NaN, p50: Number.NaN, p99: Number.NaN, errors: 0 }

/** Resident memory of a balancer that nothing is connected to. */
export async function base(proxy: OpenProxy): Promise<Run> {
  return { ...nothing, cost: residentKib(proxy.pids) }
}

/** Memory for each of `count` connections that have had one answer and rest. */
export async function resting(proxy: OpenProxy, count: number, tls: boolean): Promise<Run> {
  await wrk(proxy, 1, { scheme: tls ? 'https' : 'http' })
  const before = residentKib(proxy.pids)
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Math.min(100, count - sockets.length)
    const batch = Array.from({ length: some }, () => asked(proxy.port, tls))
    sockets.push(...(await Promise.all(batch)))
  }
  const after = residentKib(proxy.pids)
  for (const socket of sockets) socket.destroy()
  await pause(500)
  return { ...nothing, cost: (after - before) / count }
}

/** The p99 of 64 connections while `count` others read a large answer as slowly as they can. */
export async function besideSlow(proxy: OpenProxy, seconds: number, count: number): Promise<Run> {
  const slow = Array.from({ length: count }, () => connect(proxy.port, '127.0.0.1'))
  let errors = 0
  for (const socket of slow) {
    socket.on('error', () => {
      errors += 1
    })
    socket.write('GET /1m HTTP/1.1\r\nHost: localhost\r\n\r\n')
    socket.pause()
  }
  const sip = setInterval(() => {
    for (const socket of slow) socket.read(512)
  }, 100)
  try {
    await pause(1000)
    const run = await wrk(proxy, seconds, {})
    return { ...run, cost: run.p99, errors: run.errors + errors }
  } finally {
    clearInterval(sip)
    for (const socket of slow) socket.destroy()
    await pause(500)
  }
}
