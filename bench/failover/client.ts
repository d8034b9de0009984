// A client of the database, as a process that can be put on any machine: writes one row each 10 ms
// and notes what became of each, or runs some statements and prints the last one's rows. Its order
// comes as JSON on standard input, so that no password stands in a process list.

import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Session, sessionOf, type Target } from './session.ts'

/** What a client is told. */
export type ClientOrder = Target &
  (
    | {
        readonly kind: 'write'
        readonly table: string
        /** A line for each row: `id invoked completed outcome why`. */
        readonly history: string
        readonly every: number
        /** The id of its first row. */
        readonly first: number
      }
    | { readonly kind: 'run'; readonly statements: readonly string[] }
  )

/** Milliseconds of one clock for all processes of this machine. */
const now = (): number => performance.timeOrigin + performance.now()

let isOver = false
process.on('SIGTERM', () => {
  isOver = true
})

const order = JSON.parse(readFileSync(0, 'utf8')) as ClientOrder
if (order.kind === 'run') await run(order)
else await write(order)

async function run(told: ClientOrder & { readonly kind: 'run' }): Promise<void> {
  const session = await sessionOf(told)
  let rows: unknown = []
  for (const statement of told.statements) rows = await session.run(statement)
  process.stdout.write(JSON.stringify(rows))
  await session.end()
}

async function write(told: ClientOrder & { readonly kind: 'write' }): Promise<void> {
  const note = (id: number, invoked: number, outcome: string, thrown?: unknown): void => {
    const why = thrown instanceof Error ? thrown.message.replaceAll(/\s+/g, ' ') : ''
    appendFileSync(told.history, `${id} ${invoked} ${now()} ${outcome} ${why}\n`)
  }
  const connect = async (): Promise<Session> => {
    for (;;) {
      const invoked = now()
      try {
        return await sessionOf(told)
      } catch (thrown) {
        note(0, invoked, 'refused', thrown)
        await pause(50)
      }
    }
  }
  let session = await connect()
  for (let id = told.first; !isOver; id += 1) {
    const invoked = now()
    try {
      await session.run(`INSERT INTO ${told.table} (id) VALUES (${id})`)
      note(id, invoked, 'ok')
    } catch (thrown) {
      // An error leaves open whether it was done.
      note(id, invoked, 'unknown', thrown)
      await session.end()
      session = await connect()
    }
    await pause(told.every)
  }
  await session.end()
}
