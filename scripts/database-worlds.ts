// Tries more small worlds of databases than the tests do: more kinds of members in those of three,
// and in all of them whether they end well. It takes a quarter of an hour.
//
//   npm run worlds:databases

import { decide } from '../src/databases/decide.ts'
import { comesTrue } from '../test/fixtures/database-ends.ts'
import { comesToRest, harmless } from '../test/fixtures/database-laws.ts'
import {
  type Change,
  type Detail,
  everyDatabase,
  mainChanges,
  otherChanges,
} from '../test/fixtures/database-worlds.ts'

const tell = (line: string): void => void process.stdout.write(`${line}\n`)

function tryAll(count: 2 | 3, detail: Detail, changes: readonly Change[], ends: boolean): void {
  let worlds = 0
  for (const seen of everyDatabase(count, detail, changes)) {
    harmless(seen, decide)
    comesToRest(seen, decide)
    if (ends) comesTrue(seen, decide)
    worlds += 1
  }
  tell(`${worlds} worlds of ${count} members (${detail} kinds): no law is broken`)
}

tryAll(2, 'all', mainChanges, true)
tryAll(2, 'all', otherChanges, false)
tryAll(3, 'few', mainChanges, true)
tryAll(3, 'some', mainChanges, false)
tryAll(3, 'few', otherChanges, false)
