// How does HAProxy word what a check found? `L7OK`, `L4CON`, … (management guide, 9.1). Pure.

import type { ServerScene } from '../model.ts'

interface CheckWords {
  readonly check_status: string
  readonly check_desc: string
}

const passed: Readonly<Record<'http' | 'tcp', CheckWords>> = {
  http: { check_status: 'L7OK', check_desc: 'Layer7 check passed' },
  tcp: { check_status: 'L4OK', check_desc: 'Layer4 check passed' },
}

/** What a reason says, tried in this order. */
const failed: readonly (readonly [RegExp, CheckWords])[] = [
  [/status \d|answered \d/, { check_status: 'L7STS', check_desc: 'Layer7 wrong status' }],
  [
    /no connection within|connect(ing)? (took|timed)/,
    { check_status: 'L4TOUT', check_desc: 'Layer4 timeout' },
  ],
  [
    /refused|unreachable|cannot connect/,
    { check_status: 'L4CON', check_desc: 'Layer4 connection problem' },
  ],
  [/within|timed out|took longer/, { check_status: 'L7TOUT', check_desc: 'Layer7 timeout' }],
]
const otherwise: CheckWords = {
  check_status: 'L7RSP',
  check_desc: 'Layer7 invalid response',
}

/** The columns of a row that speak of the check; none where nobody asks. */
export function checkWords({
  check,
  verdict,
  told,
}: ServerScene): Readonly<Record<string, string | number>> {
  if (check === undefined || told === 'maint') return {}
  const { kind, took, reason, rise, fall } = check
  const words = check.passed
    ? passed[kind]
    : (failed.find(([pattern]) => pattern.test(reason))?.[1] ?? otherwise)
  const code = /\b([1-5]\d\d)\b/.exec(reason)?.[1]
  return {
    ...words,
    ...(words.check_status === 'L7STS' && code !== undefined ? { check_code: Number(code) } : {}),
    check_duration: Math.round(took),
    last_chk: reason,
    check_rise: rise,
    check_fall: fall,
    check_health:
      verdict === 'up' ? rise + fall - 1 - check.failures : Math.min(check.passes, rise - 1),
  }
}
