// Transactions that read lists and append to them, until they are told to end: what a checker needs
// to see in which order they took effect.

import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Outcome, Step, Transaction } from '../../src/drills/checkers/model.ts'
import type { ListsOrder } from './client.ts'
import { isGivenUp, type Session, sessionOf, type Target } from './session.ts'

/** Lists in use at one time; each client goes on to the next after so many transactions. */
const inUse = 3
const eachFor = 30
/** Between two transactions of one client. */
const rest = 15
const stepsMost = 3

/** What the lists are kept in; one text each, so that it is one row that is fought for. */
export const listsTable = 'CREATE TABLE lists (k VARCHAR(16) PRIMARY KEY, v TEXT NOT NULL)'

type Ended = Pick<Transaction, 'outcome' | 'steps'>

/** Appends and reads; notes each transaction when it has ended, also one with no known outcome. */
export async function appendToLists(
  { index, history }: ListsOrder,
  target: Target,
  now: () => number,
  signal: AbortSignal,
): Promise<void> {
  let session: Session | undefined
  for (let count = 0; !signal.aborted; count += 1) {
    session ??= await sessionOf(target).catch(() => undefined)
    if (session === undefined) {
      await pause(50)
      continue
    }
    const invoked = now()
    const ended = await transact(session, target.engine, wishedSteps(index, count))
    const line = { id: `${index}-${count}`, invoked, completed: now(), ...ended }
    appendFileSync(history, `${JSON.stringify(line)}\n`)
    if (ended.outcome !== 'ok') {
      // What a connection is in the middle of after an error nobody knows.
      await session.end()
      session = undefined
    }
    await pause(rest)
  }
  await session?.end()
}

/** What a transaction is to do; what it reads is not known yet. */
function wishedSteps(index: number, count: number): readonly Step[] {
  const first = Math.floor(count / eachFor)
  return Array.from({ length: 1 + Math.floor(Math.random() * stepsMost) }, (_, at): Step => {
    const key = `k${first + Math.floor(Math.random() * inUse)}`
    const value = index * 1_000_000 + count * stepsMost + at
    return Math.random() < 0.5
      ? { kind: 'append', key, value }
      : { kind: 'read', key, values: undefined }
  })
}

/** Runs one transaction. Nothing is tried again in secret. */
async function transact(
  session: Session,
  engine: Target['engine'],
  wished: readonly Step[],
): Promise<Ended> {
  const steps = [...wished]
  let outcome: Outcome = 'fail'
  try {
    await session.begin()
    for (const [at, step] of wished.entries()) {
      if (step.kind === 'append') await session.run(appendText(engine, step.key, step.value))
      else steps[at] = { ...step, values: await readList(session, step.key) }
    }
    // From here on an error does not say whether it was done.
    outcome = 'unknown'
    await session.run('COMMIT')
    outcome = 'ok'
  } catch (thrown) {
    if (isGivenUp(thrown)) outcome = 'fail'
  }
  return { outcome, steps }
}

async function readList(session: Session, key: string): Promise<readonly number[]> {
  const [row] = await session.run(`SELECT v FROM lists WHERE k = '${key}'`)
  return row === undefined ? [] : valuesOf(String(row.v))
}

/** A list as it is kept. */
export const valuesOf = (text: string): readonly number[] => text.split(',').map(Number)

const appendText = (engine: Target['engine'], key: string, value: number): string =>
  engine === 'postgresql'
    ? `INSERT INTO lists AS l VALUES ('${key}', '${value}')
        ON CONFLICT (k) DO UPDATE SET v = l.v || ',' || excluded.v`
    : `INSERT INTO lists VALUES ('${key}', '${value}')
        ON DUPLICATE KEY UPDATE v = CONCAT(v, ',', VALUES(v))`
