// Runs everything that can fail, on a machine that it first brings what the tests need.
//
//   npm test                     all of it: types, lint, format, every test
//   npm test -- balancing spec   only the test files whose path holds one of these words
//   npm test -- --no-setup       installs nothing: what is missing is said and skipped
//
// With CI=true nothing may be left out: a need that is not met, and a test that skips, fail.

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { install, missing } from './machine.ts'

const root = join(import.meta.dirname, '..')
const inCi = process.env.CI === 'true'
/** A file that takes longer than this hangs. */
const fileTimeout = 10 * 60_000

interface Counts {
  passed: number
  failed: number
  skipped: number
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Brings what is missing; returns what is still missing afterwards, as sentences. */
function setUp(allowed: boolean): readonly string[] {
  const lacking = missing()
  if (lacking.length === 0) return []
  const names = lacking.map((need) => need.package).join(' ')
  say(allowed ? `installing ${names} …` : `not installed: ${names}`)
  const failure = allowed ? install(lacking) : undefined
  if (failure !== undefined) say(failure)
  return missing().map((need) => `${need.package} is missing, so this is not tested: ${need.tests}`)
}

/** Types, lint and format. */
function lint(): boolean {
  say('types, lint and format …')
  return spawnSync('npm', ['run', '--silent', 'lint'], { cwd: root, stdio: 'inherit' }).status === 0
}

/** Every test file, or those whose path holds one of `words`. */
function testFiles(words: readonly string[]): readonly string[] {
  const all = globSync(['{src,test,bench}/**/*.test.ts'], { cwd: root }).toSorted()
  return words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)))
}

async function runTests(files: readonly string[]): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  const tests = run({
    cwd: root,
    files: files.map((file) => join(root, file)),
    concurrency: Math.max(2, availableParallelism()),
    timeout: fileTimeout,
  })
  tests.on('test:summary', (summary) => {
    if (summary.file !== undefined) return
    const { tests, passed, skipped, todo } = summary.counts
    counts.passed = passed
    counts.skipped = skipped + todo
    counts.failed = tests - passed - counts.skipped
  })
  const shown = tests.compose(new spec())
  shown.pipe(process.stdout, { end: false })
  await finished(shown)
  return counts
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'no-setup': { type: 'boolean', default: false } },
})
const files = testFiles(positionals)
if (files.length === 0) {
  say(`no test file has ${positionals.join(' or ')} in its path`)
  process.exit(2)
}
const notTested = setUp(!values['no-setup'])
const linted = positionals.length > 0 || lint()
const counts = await runTests(files)

const faults = [
  ...(linted ? [] : ['types, lint or format are at fault: see above']),
  ...(counts.failed > 0 ? [`${counts.failed} tests failed`] : []),
  ...(counts.passed === 0 ? ['no test passed'] : []),
  ...(inCi && counts.skipped > 0 ? [`${counts.skipped} tests were skipped, in CI`] : []),
  ...(inCi && notTested.length > 0 ? ['this machine lacks what tests need, in CI'] : []),
]
say('')
for (const sentence of notTested) say(sentence)
for (const fault of faults) say(`FAILED: ${fault}`)
say(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = faults.length === 0 ? 0 : 1
