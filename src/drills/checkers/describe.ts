// What does a verdict say to a person? A line for each thing that is wrong, with the smallest
// counterexample. Pure.

import { unreachable } from '../../foundation/invariant.ts'
import { shownBy } from './append.ts'
import type {
  AcknowledgedVerdict,
  Anomaly,
  AppendVerdict,
  Dependency,
  EpochConflict,
  EpochVerdict,
  Step,
  Transaction,
} from './model.ts'

/** So many ids are named; the others are counted. */
const namesMost = 20
/** So many elements at the end of a list are shown. */
const elementsMost = 6
/** So many counterexamples are shown. */
const examplesMost = 3

/** Says what became of the acknowledged rows. */
export function describeAcknowledged(verdict: AcknowledgedVerdict): string {
  const { acknowledged, unknown, lost, recovered } = verdict
  const wrong = [
    ['acknowledged and gone', lost],
    ['there and never tried', verdict.unexpected],
    ['there although refused', verdict.resurrected],
    ['there more than once', verdict.repeated],
  ] as const
  return [
    `${lost.length} of ${acknowledged} acknowledged rows are gone; of ${unknown} with an unknown ` +
      `outcome ${recovered.length} are there`,
    ...wrong
      .filter(([, ids]) => ids.length > 0)
      .map(([what, ids]) => `  ${what} (${ids.length}): ${some(ids)}`),
  ].join('\n')
}

const some = (ids: readonly number[]): string =>
  [...ids.slice(0, namesMost), ...(ids.length > namesMost ? ['…'] : [])].join(' ')

/** Says whether an epoch outlived the next one. */
export function describeEpochs({ acknowledged, late, shared }: EpochVerdict): string {
  const [first] = late
  const [double] = shared
  return [
    `${late.length} of ${acknowledged} acknowledgements came at an epoch that was over; ` +
      `servers beyond the first of an epoch: ${shared.length}`,
    ...(first === undefined ? [] : [`  ${lateness(first)}`]),
    ...(double === undefined
      ? []
      : [
          `  ${double.earlier.server} and ${double.later.server} both acknowledged at epoch ` +
            `${double.later.epoch}`,
        ]),
  ].join('\n')
}

const lateness = ({ earlier, later }: EpochConflict): string =>
  `${later.server} acknowledged at epoch ${later.epoch} what was asked for at ${later.invoked}; ` +
  `${earlier.server} had acknowledged at epoch ${earlier.epoch} at ${earlier.completed}`

/** Says whether the lists fit their level, with the smallest counterexamples. */
export function describeAppends(verdict: AppendVerdict): string {
  const { anomalies, allowed, level, transactions } = verdict
  const rest = anomalies.length - examplesMost
  return [
    anomalies.length === 0
      ? `${transactions} transactions are ${level}`
      : `${transactions} transactions are not ${level}: ${countsOf(anomalies)}`,
    ...anomalies.slice(0, examplesMost).flatMap(example),
    ...(rest > 0 ? [`and ${rest} more`] : []),
    ...(allowed.length === 0 ? [] : [`allowed by ${level}: ${countsOf(allowed)}`]),
  ].join('\n')
}

const nameOf = (anomaly: Anomaly): string =>
  anomaly.kind === 'cycle'
    ? `${anomaly.name}${anomaly.realtime ? ' with real time' : ''}`
    : anomaly.kind

function countsOf(anomalies: readonly Anomaly[]): string {
  const counts = new Map<string, number>()
  for (const one of anomalies) counts.set(nameOf(one), (counts.get(nameOf(one)) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}

function example(anomaly: Anomaly): readonly string[] {
  return [
    `${nameOf(anomaly)}: ${sentence(anomaly)}`,
    ...shownBy(anomaly).map((one) => `  ${transaction(one)}`),
    ...(anomaly.kind === 'cycle' ? anomaly.dependencies.map((one) => `  ${because(one)}`) : []),
  ]
}

/** What happened, as one sentence about the transactions that are printed below it. */
function sentence(anomaly: Anomaly): string {
  if (anomaly.kind === 'cycle') return 'each has to come before the next, and the last first'
  const { key, value, reader } = anomaly
  switch (anomaly.kind) {
    case 'aborted-read':
      return `${reader.id} read ${value} in ${key}, which ${anomaly.writer.id} had given up`
    case 'intermediate-read':
      return `${reader.id} read ${key} in the middle of ${anomaly.writer.id}, at ${value}`
    case 'reordered-append':
      return `${reader.id} read ${value} in ${key} after what ${anomaly.writer.id} appended later`
    case 'never-appended':
      return `${reader.id} read ${value} in ${key}, which nobody appended`
    case 'duplicate-element':
      return `${reader.id} read ${value} in ${key} twice`
    case 'internal':
      return `${reader.id} did not read its own append of ${value} to ${key} where it was made`
    case 'lost-append':
      return `no read shows the acknowledged ${value} in ${key}, and ${reader.id} began after it`
    case 'incompatible-order':
      return `${reader.id} and ${anomaly.other.id} read ${key} as two lists that part at ${value}`
    default:
      return unreachable(anomaly)
  }
}

const transaction = ({ id, outcome, steps, invoked, completed }: Transaction): string =>
  `${id} (${outcome}, ${invoked} to ${outcome === 'unknown' ? 'open' : completed}): ` +
  steps.map(step).join(', ')

const step = (one: Step): string =>
  one.kind === 'append'
    ? `append ${one.value} to ${one.key}`
    : `read ${one.key} ${one.values === undefined ? 'unanswered' : elements(one.values)}`

const elements = (values: readonly number[]): string =>
  `[${values.length > elementsMost ? `${values.length - elementsMost} more, ` : ''}` +
  `${values.slice(-elementsMost).join(', ')}]`

function because({ relation, before, after, key, value }: Dependency): string {
  const order = `${before.id} before ${after.id}`
  switch (relation) {
    case 'ww':
      return `${order}: ${key} has ${value} after what ${before.id} appended`
    case 'wr':
      return `${order}: ${after.id} read ${value} in ${key}`
    case 'rw':
      return `${order}: ${before.id} did not see ${value} in ${key}`
    case 'realtime':
      return `${order}: it had ended when the other began`
    default:
      return unreachable(relation)
  }
}
