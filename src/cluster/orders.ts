// How is it told which orders were followed already? Each is counted. Pure.

import type { Orders } from './model.ts'

/** Every counted order, by what it is called. */
export const countsOf = ({ deploys, restarts }: Orders): Readonly<Record<string, number>> =>
  Object.fromEntries([
    ...Object.entries(deploys).map(([subject, count]) => [`deploy ${subject}`, count] as const),
    ...Object.entries(restarts).map(([subject, count]) => [`restart ${subject}`, count] as const),
  ])
