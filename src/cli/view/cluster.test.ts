// What the page of `status` says of what the machines agree through.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterStatus, MachineStatus, Status } from '../../agent/model.ts'
import { instant } from '../../foundation/time.ts'
import { clusterLines } from './cluster.ts'

const plain = (_tone: unknown, text: string): string => text

function lastLine(servers: readonly MachineStatus['server'][]): string {
  const machines = servers.map((server, at): MachineStatus => {
    const name = 'abc'[at] ?? ''
    return {
      ...{ name, address: `10.0.0.1${at}`, zone: undefined, state: 'here', version: '1.0.0' },
      ...{ applied: 1, replicas: 1, heard: 0, skew: 0, doubt: 0, server },
    }
  })
  const cluster: ClusterStatus = {
    ...{ machine: 'a', connected: true, since: instant(0), trouble: undefined },
    ...{ leader: undefined, applied: undefined, placement: {}, machines, hears: {} },
  }
  const lines = clusterLines({ cluster, now: instant(60_000) } as Status, 80, plain)
  return lines.at(-1) ?? ''
}

test('says how many servers of an ensemble serve, and which do not', () => {
  assert.match(lastLine(['leader', 'follower', 'follower']), /since 1m.*; all 3 servers serve$/)
  assert.match(
    lastLine(['leader', 'silent', 'waits']),
    /; 1 of 3 servers serve \(b silent, c waits\)$/,
  )
})

test('says nothing of servers where none is an ensemble’s', () => {
  assert.match(lastLine([undefined, undefined]), /answers since \S+$/)
})
