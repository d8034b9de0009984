// What became of each line of a haproxy.cfg, as far as a person should know it. Pure.

import type { Imported, Loss, NotCarried } from '../../spec/import/haproxy/model.ts'
import type { Paint } from './style.ts'
import { counted } from './words.ts'

type Remark = Pick<NotCarried, 'line' | 'text' | 'reason'>

/** Everything that is not as it was: what keeps somebody out first, what nobody misses last. */
export function importLines(
  from: string,
  { carried, notCarried }: Imported,
  paint: Paint,
): readonly string[] {
  const lost = (loss: Loss): readonly Remark[] => notCarried.filter((one) => one.loss === loss)
  const noted = carried.flatMap(({ line, text, note }) =>
    note === undefined ? [] : [{ line, text, reason: note }],
  )
  const group = (title: string, remarks: readonly Remark[]): readonly string[] =>
    remarks.length === 0
      ? []
      : [
          paint('strong', title),
          ...remarks.map(({ line, text, reason }) => `  line ${line}: ${text}\n    ${reason}`),
        ]
  return [
    `${from}: ${counted(carried.length, 'line')} carried over, ${notCarried.length} not`,
    ...group(paint('bad', 'not carried over, and it kept somebody out'), lost('protection')),
    ...group('not carried over', lost('something')),
    ...group('carried over with a difference', noted),
    ...group('left out without a loss', lost('nothing')),
  ]
}

/** One line for whoever runs the configuration as it is; nothing where nothing is missed. */
export function importRemark(from: string, { notCarried }: Imported): string | undefined {
  const missed = notCarried.filter(({ loss }) => loss !== 'nothing')
  if (missed.length === 0) return undefined
  const lines = counted(missed.length, 'line is', 'lines are')
  return `${from}: ${lines} not carried over; alwayson import ${from} says which, and why`
}
