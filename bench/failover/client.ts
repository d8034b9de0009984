// A client of the database, as a process that can be put on any machine: writes one row each 10 ms
// and notes what became of each, appends to lists and reads them, or runs some statements and
// prints the last one's rows. Its order comes as JSON on standard input, so that no password stands
// in a process list.

import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { appendToLists } from './lists.ts'
import { type Session, sessionOf, type Target } from './session.ts'

/** What a client is told. */
export type ClientOrder = { readonly target: Target } & (
  | {
      readonly kind: 'write'
      readonly table: string
      /** A line for each row: `id invoked completed outcome server epoch why`. */
      readonly history: string
      readonly every: number
      /** The id of its first row. */
      readonly first: number
    }
  | ListsOrder
  | { readonly kind: 'run'; readonly statements: readonly string[] }
)

/** What a client is told that appends to lists. */
export interface ListsOrder {
  readonly kind: 'lists'
  /** A line of JSON for each transaction. */
  readonly history: string
  /** No two clients have the same: what they append is told apart by it. */
  readonly index: number
}

/** Milliseconds of one clock for all processes of this machine. */
const now = (): number => performance.timeOrigin + performance.now()

const over = new AbortController()
process.on('SIGTERM', () => over.abort())

const order = JSON.parse(readFileSync(0, 'utf8')) as ClientOrder
switch (order.kind) {
  case 'run':
    await run(order)
    break
  case 'lists':
    await appendToLists(order, order.target, now, over.signal)
    break
  case 'write':
    await write(order)
}

async function run({ target, statements }: ClientOrder & { readonly kind: 'run' }): Promise<void> {
  const session = await sessionOf(target)
  let rows: unknown = []
  for (const statement of statements) rows = await session.run(statement)
  process.stdout.write(JSON.stringify(rows))
  await session.end()
}

async function write(told: ClientOrder & { readonly kind: 'write' }): Promise<void> {
  const { target, table, history, every } = told
  const note = (id: number, invoked: number, outcome: string, who: string, thrown?: unknown) => {
    const why = thrown instanceof Error ? thrown.message.replaceAll(/\s+/g, ' ') : ''
    appendFileSync(history, `${id} ${invoked} ${now()} ${outcome} ${who} ${why}\n`)
  }
  const connect = async (): Promise<Session> => {
    for (;;) {
      const invoked = now()
      try {
        return await sessionOf(target)
      } catch (thrown) {
        note(0, invoked, 'refused', '- 0', thrown)
        await pause(50)
      }
    }
  }
  let session = await connect()
  for (let id = told.first; !over.signal.aborted; id += 1) {
    const invoked = now()
    try {
      const { server, epoch } = await session.insert(table, id)
      note(id, invoked, 'ok', `${server} ${epoch}`)
    } catch (thrown) {
      // An error leaves open whether it was done.
      note(id, invoked, 'unknown', '- 0', thrown)
      await session.end()
      session = await connect()
    }
    await pause(every)
  }
  await session.end()
}
