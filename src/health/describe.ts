// Says what health saw and decided in a sentence: the same one in journal, status and why. Pure.

import { formatDuration } from '../foundation/time.ts'
import type { Check, Health, Sighting, VerdictChange } from './model.ts'

/** `passed in 3ms`, `failed after 2ms: connection refused`. */
export function describeSighting(sighting: Sighting): string {
  const took = formatDuration(sighting.took)
  switch (sighting.kind) {
    case 'passed':
      return `passed in ${took}`
    case 'failed':
      return `failed after ${took}: ${sighting.reason}`
    case 'unasked':
      return `could not be asked: ${sighting.reason}`
  }
}

function describeQuestion(check: Exclude<Check, { kind: 'none' }>): string {
  const where = check.port === undefined ? '' : ` at port ${check.port}`
  switch (check.kind) {
    case 'http':
      return `${check.method} ${check.path}${where}`
    case 'grpc':
      return `gRPC health${check.service === '' ? '' : ` of ${check.service}`}${where}`
    case 'tcp':
      return `TCP connect${where}`
  }
}

/** `GET /health every 1s, up after 2 passes, down after 2 failures, each within 1s`. */
export function describeCheck(check: Check): string {
  if (check.kind === 'none') return 'no check'
  const asks = describeQuestion(check)
  const times = (count: number, one: string, many: string): string =>
    `${count} ${count === 1 ? one : many}`
  return [
    `${asks} every ${formatDuration(check.every)}`,
    `up after ${times(check.rise, 'pass', 'passes')}`,
    `down after ${times(check.fall, 'failure', 'failures')}`,
    `each within ${formatDuration(check.timeout)}`,
  ].join(', ')
}

/** `web-2 is down`. */
export const describeChange = (change: VerdictChange): string =>
  change.to === 'unknown' ? `${change.server} is not known yet` : `${change.server} is ${change.to}`

/** `down, 3 failures in a row: connection refused`. */
export function describeHealth(health: Health): string {
  const { verdict, passes, failures, last } = health
  const row =
    failures > 0
      ? `${failures} ${failures === 1 ? 'failure' : 'failures in a row'}`
      : `${passes} ${passes === 1 ? 'pass' : 'passes in a row'}`
  const reason = last?.kind === 'failed' ? `: ${last.reason}` : ''
  const doubt = health.suspectedAt === undefined ? '' : ', doubted by traffic'
  return failures + passes === 0 ? verdict + doubt : `${verdict}, ${row}${reason}${doubt}`
}
