// What would HAProxy's `show info` say? Pure.

import { since } from '../../foundation/time.ts'
import type { Scene } from '../model.ts'
import { exactPerSecond } from '../sums.ts'
import { tagWords } from './stat.ts'

type InfoRow = readonly [
  name: string,
  tags: string,
  type: 'str' | 'u32' | 'u64',
  value: number | string,
]

/** Its lines, in its order; what we have nothing to say of is left out. */
export function infoRows(scene: Scene): readonly InfoRow[] {
  const { frontends, totals, before } = scene
  const seconds = Math.floor(since(scene.since, scene.now) / 1000)
  const sum = (of: 'accepted' | 'requests' | 'bytesOut', from = totals): number =>
    [...from.frontends.values()].reduce((all, counts) => all + counts[of], 0)
  const rate = (of: 'accepted' | 'requests' | 'bytesOut'): number =>
    Math.round(exactPerSecond(scene, sum(of, before.totals), sum(of)))
  const lost = [...totals.frontends.values()].reduce((all, { logLost }) => all + logLost, 0)
  const connections = frontends.reduce((all, frontend) => all + frontend.connections, 0)
  const most = frontends.reduce((all, frontend) => all + frontend.maxConnections, 0)
  return [
    ['Name', 'POS', 'str', 'Always On'],
    ['Version', 'POS', 'str', scene.version],
    ['Nbthread', 'CGS', 'u32', 1],
    ['Nbproc', 'CGS', 'u32', Math.max(1, scene.edges.length)],
    ['Process_num', 'KGP', 'u32', 1],
    ['Pid', 'SGP', 'u32', scene.pid],
    ['Uptime', 'MDP', 'str', uptime(seconds)],
    ['Uptime_sec', 'MDP', 'u32', seconds],
    ['Maxconn', 'CLP', 'u32', most],
    ['Hard_maxconn', 'CLP', 'u32', most],
    ['CurrConns', 'MGP', 'u32', connections],
    ['CumConns', 'MCP', 'u32', sum('accepted')],
    ['CumReq', 'MCP', 'u32', sum('requests')],
    ['ConnRate', 'MRP', 'u32', rate('accepted')],
    ['ConnRateLimit', 'CLP', 'u32', 0],
    ['SessRate', 'MRP', 'u32', rate('accepted')],
    ['SessRateLimit', 'CLP', 'u32', 0],
    ['node', 'COS', 'str', scene.node],
    ['Stopping', 'MGP', 'u32', 0],
    ['Jobs', 'MGP', 'u32', connections],
    ['Listeners', 'MGP', 'u32', frontends.flatMap(({ addresses }) => addresses).length],
    ['DroppedLogs', 'MGP', 'u32', lost],
    ['TotalBytesOut', 'MGP', 'u64', sum('bytesOut')],
    ['BytesOutRate', 'MRP', 'u64', rate('bytesOut')],
    ['Start_time_sec', 'MDP', 'u32', Math.floor(scene.since / 1000)],
  ]
}

/** `0d 0h00m03s`. */
function uptime(seconds: number): string {
  const two = (count: number): string => String(count).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = two(Math.floor(seconds / 60) % 60)
  return `${Math.floor(hours / 24)}d ${hours % 24}h${minutes}m${two(seconds % 60)}s`
}

export function infoText(scene: Scene, form: 'plain' | 'typed' | 'json'): string {
  const rows = infoRows(scene)
  if (form === 'plain') return rows.map(([name, , , value]) => `${name}: ${value}\n`).join('')
  if (form === 'typed') {
    const typed = rows.map(([name, tags, type, value], at) => {
      return `${at}.${name}.1:${tags}:${type}:${value}\n`
    })
    return typed.join('')
  }
  const json = rows.map(([name, tags, type, value], pos) => ({
    field: { pos, name },
    processNum: 1,
    tags: tagWords(tags),
    value: { type, value },
  }))
  return `${JSON.stringify(json)}\n`
}
