// Situations told as text: a reviewer who knows no TypeScript can check them. `RECORD=1` writes the
// answers again; the difference is the review.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { Story } from '../src/simulation/story.ts'

const folder = join(import.meta.dirname, 'scenarios')
const recording = process.env.RECORD === '1'

/**
 * Lives through a story. Lines of `#` are for the reader; a command is followed, after a line of
 * `----`, by what followed from it, up to the next empty line.
 */
async function retell(text: string): Promise<string> {
  const story = new Story()
  const told: string[] = []
  for (const part of text.trimEnd().split(/\n\n+/)) {
    const lines = part.split('\n')
    const end = lines.indexOf('----')
    const said = end === -1 ? lines : lines.slice(0, end)
    told.push(...said)
    const commands = said.filter((line) => line !== '' && !line.startsWith('#'))
    if (commands.length > 0) told.push('----')
    for (const command of commands) told.push(...(await story.tell(command)))
    told.push('')
  }
  return told.join('\n')
}

suite('stories', () => {
  // Those of databases have a runner of their own.
  const files = readdirSync(folder).filter((name) => !name.startsWith('databases-'))
  for (const file of files.toSorted()) {
    test(file.replace('.txt', ''), async () => {
      const path = join(folder, file)
      const text = readFileSync(path, 'utf8')
      const told = await retell(text)
      if (recording) writeFileSync(path, told)
      else assert.equal(told, text, 'if it is meant to be so: RECORD=1 npm test -- scenarios')
    })
  }
})
