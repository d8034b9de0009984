// All requirements, in the order in which they are shown.

import { connections } from './connections.ts'
import { expectations } from './expectations.ts'
import { fields } from './fields.ts'
import { framingDown } from './framing-down.ts'
import { framingUp } from './framing-up.ts'
import { gateway } from './gateway.ts'
import { requestLine } from './request-line.ts'
import type { Requirement } from './requirement.ts'

/** A part of the table, under a heading of its own. */
export interface Part {
  readonly title: string
  readonly rows: readonly Requirement[]
}

/** See the first line. */
export const parts: readonly Part[] = [
  { title: 'The first line of a request', rows: requestLine },
  { title: 'Fields', rows: fields },
  { title: 'Where a request ends', rows: framingUp },
  { title: 'Where an answer ends', rows: framingDown },
  { title: 'Connections, and what is sent again', rows: connections },
  { title: 'Expectations, interim answers, upgrades', rows: expectations },
  { title: 'What a gateway says itself', rows: gateway },
]

/** The rows of all parts. */
export const requirements: readonly Requirement[] = parts.flatMap(({ rows }) => rows)
