// Every load of this benchmark, in the order of the report, with its goal.

import { join } from 'node:path'
import { base, besideSlow, resting } from './crowd.ts'
import { delay } from './delay.ts'
import { h2load } from './h2load.ts'
import { type Load, type OpenProxy, plain, type Run, type Setting } from './load.ts'
import { resumed } from './resumed.ts'
import { webSockets } from './websocket.ts'
import { type WrkWork, wrk } from './wrk.ts'

const scripts = join(import.meta.dirname, 'wrk')
const close = ['Connection: close']
const tls: Setting = { ...plain, front: 'tls' }
const tcp: Setting = { ...plain, front: 'tcp' }

const byWrk =
  (work: WrkWork) =>
  (proxy: OpenProxy, seconds: number): Promise<Run> =>
    wrk(proxy, seconds, work)

interface Row {
  readonly name: string
  readonly id: string
  readonly work: WrkWork
  readonly goal?: number
  readonly setting?: Setting
}

const costRow = ({ name, id, work, goal, setting = plain }: Row): Load => ({
  name,
  id: id === '' ? 'cpu_per_request' : `cpu_per_request_${id}`,
  unit: 'CPU µs',
  setting,
  ...(goal === undefined ? {} : { goal }),
  measure: byWrk(work),
})

const rows: readonly Row[] = [
  { name: 'keep-alive', id: '', work: {}, goal: 1 },
  {
    name: 'browser heads, 2,000 paths',
    id: 'heads',
    work: { script: join(scripts, 'browser.lua') },
    goal: 1,
  },
  { name: '16 KiB down', id: '16k', work: { path: '/16k' }, goal: 1 },
  { name: '1 MiB down', id: '1m', work: { path: '/1m', connections: 16 }, goal: 0.85 },
  { name: '16 KiB up', id: 'up_16k', work: { script: join(scripts, 'upload-16k.lua') } },
  {
    name: '1 MiB up',
    id: 'up_1m',
    work: { script: join(scripts, 'upload-1024k.lua'), connections: 16 },
  },
  { name: 'new connection', id: 'close', work: { headers: close }, goal: 0.95 },
  {
    name: 'two processes',
    id: 'two',
    work: {},
    goal: 0.85,
    setting: { ...plain, processes: 2 },
  },
  { name: 'TCP mode', id: 'tcp', work: {}, goal: 1.25, setting: tcp },
  { name: 'TLS keep-alive', id: 'tls', work: { scheme: 'https' }, goal: 1, setting: tls },
  {
    name: 'TLS new connection',
    id: 'tls_handshake',
    work: { scheme: 'https', headers: close },
    goal: 1.35,
    setting: tls,
  },
]

/** HAProxy counts two files a connection, and a process may usually open 20,000. */
const crowd = 9000

const others: readonly Load[] = [
  {
    name: 'TLS resumed',
    id: 'cpu_per_request_tls_resumed',
    unit: 'CPU µs',
    setting: tls,
    measure: resumed,
  },
  {
    name: 'HTTP/2 over TLS, 16 × 8',
    id: 'cpu_per_request_h2',
    unit: 'CPU µs',
    setting: tls,
    measure: h2load,
  },
  {
    name: 'WebSocket messages',
    id: 'cpu_per_message',
    unit: 'CPU µs',
    setting: { ...plain, origin: 'echo' },
    measure: webSockets,
  },
  {
    name: 'p99 beside 1,000 slow readers',
    id: 'p99_beside_slow',
    unit: 'p99 ms',
    setting: plain,
    measure: (proxy, seconds) => besideSlow(proxy, seconds, 1000),
  },
  {
    name: 'event loop under keep-alive (p99)',
    id: 'loop_delay',
    unit: 'ms late',
    setting: plain,
    only: 'alwayson',
    measure: delay,
  },
  { name: 'memory at rest', id: 'memory_base', unit: 'KiB', setting: plain, measure: base },
  {
    name: 'a resting connection of 2,000',
    id: 'memory_idle',
    unit: 'KiB',
    setting: plain,
    measure: (proxy) => resting(proxy, 2000, false),
  },
  {
    name: 'a resting connection of 9,000',
    id: 'memory_idle_crowd',
    unit: 'KiB',
    setting: plain,
    measure: (proxy) => resting(proxy, crowd, false),
  },
  {
    name: 'a resting TLS connection of 1,000',
    id: 'memory_idle_tls',
    unit: 'KiB',
    setting: tls,
    measure: (proxy) => resting(proxy, 1000, true),
  },
]

export const loads: readonly Load[] = [...rows.map(costRow), ...others]
