// Asks the processes of a simulated machine, as the real prober asks real servers.

import { type Clock, formatDuration, ms, since } from '../foundation/time.ts'
import type { Check, Sighting, Target } from '../health/model.ts'
import type { Prober } from '../health/prober.ts'
import type { Answer, Process, SimulatedMachine } from './machine.ts'

/** What may keep the prober itself from asking. */
export interface ProberTrouble {
  /** Our own machine has run out of ports or files. */
  readonly cannotAsk: () => boolean
}

/** A prober of a simulated machine. */
export function openSimulatedProber(
  clock: Clock,
  machine: SimulatedMachine,
  trouble: ProberTrouble = { cannotAsk: () => false },
): Prober {
  return {
    probe(target, seen) {
      const began = clock.now()
      let over = false
      const report = (outcome: Outcome): void => {
        if (over) return
        over = true
        const at = clock.now()
        seen({ ...outcome, at, took: since(began, at) } as Sighting)
      }
      // A connection on loopback takes a moment; a refusal comes as fast.
      clock.after(ms(0.1), () => {
        if (trouble.cannotAsk()) {
          report({ kind: 'unasked', reason: 'this machine has no free port left' })
        } else ask(clock, machine, target, report)
      })
    },
  }
}

type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'unasked'; readonly reason: string }

function ask(
  clock: Clock,
  machine: SimulatedMachine,
  { check, port }: Target,
  report: (outcome: Outcome) => void,
): void {
  const process = machine.listener(port)
  const pass = (): void => {
    if (process !== undefined) process.passes += 1
    report({ kind: 'passed' })
  }
  if (check.kind === 'none') pass()
  else if (process === undefined) report({ kind: 'failed', reason: 'connection refused' })
  else if (check.kind === 'tcp') pass()
  else askHttp(clock, machine, process, httpOf(check), pass, report)
}

function askHttp(
  clock: Clock,
  machine: SimulatedMachine,
  process: Process,
  check: Status,
  pass: () => void,
  report: (outcome: Outcome) => void,
): void {
  const answered = (answer: Answer): void => {
    deadline[Symbol.dispose]()
    if (answer.kind === 'reset') report({ kind: 'failed', reason: 'closed before answering' })
    else if (passes(check, answer.status)) pass()
    else report({ kind: 'failed', reason: `status ${answer.status}, ${expected(check)}` })
  }
  const deadline = clock.after(check.timeout, () => {
    machine.giveUp(process, answered)
    report({ kind: 'failed', reason: `no answer within ${formatDuration(check.timeout)}` })
  })
  machine.check(process, answered)
}

type HttpCheck = Extract<Check, { kind: 'http' }>
type Status = Pick<HttpCheck, 'expect' | 'timeout'>

/** A simulated server has one answer, whatever protocol it is asked in. */
const httpOf = (check: Extract<Check, { kind: 'http' | 'grpc' }>): Status =>
  check.kind === 'http' ? check : { timeout: check.timeout, expect: [[200, 200]] }

const passes = ({ expect }: Status, status: number): boolean =>
  expect.some(([least, most]) => status >= least && status <= most)

const expected = ({ expect }: Status): string =>
  `expected ${expect.map(([least, most]) => `${least}-${most}`).join(' or ')}`
