// Runs everything that can fail, on a machine that it first brings what the tests need.
//
//   npm test                     all of it: types, lint, format, every test
//   npm test -- balancing spec   only the test files whose path holds one of these words
//   npm test -- --no-setup       installs nothing: what is missing is said and skipped
//
// With CI=true nothing may be left out: a need that is not met, and a test that skips, fail.
//
// Two files run at once, and some start a dozen servers: a file that fails is run once more, alone.
// If it then passes it is named as shaky, for somebody to mend; more than a few are no accident.

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { install, missing } from './machine.ts'

const root = join(import.meta.dirname, '..')
const inCi = process.env.CI === 'true'
/** A file that takes longer than this hangs. */
const fileTimeout = 10 * 60_000

/** So many files that fail may have met a busy machine; more have not. */
const shakyMost = 3

interface Counts {
  passed: number
  failed: number
  skipped: number
  /** The files in which something failed. */
  readonly failing: Set<string>
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

async function runTests(files: readonly string[], concurrency: number): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, failing: new Set() }
  const tests = run({
    cwd: root,
    files: files.map((file) => join(root, file)),
    concurrency,
    timeout: fileTimeout,
  })
  tests.on('test:summary', (summary) => {
    if (summary.file !== undefined) return
    const { tests, passed, skipped, todo } = summary.counts
    counts.passed = passed
    counts.skipped = skipped + todo
    counts.failed = tests - passed - counts.skipped
  })
  tests.on('test:fail', ({ file }) => {
    if (file !== undefined) counts.failing.add(file)
  })
  const shown = tests.compose(new spec())
  shown.pipe(process.stdout, { end: false })
  await finished(shown)
  return counts
}

/** The counts once the few files that failed have been run alone, and those that passed then. */
async function again(
  first: Counts,
): Promise<{ readonly counts: Counts; readonly shaky: readonly string[] }> {
  const { failing } = first
  if (failing.size === 0 || failing.size > shakyMost) return { counts: first, shaky: [] }
  const files = [...failing].map((file) => relative(root, file))
  say(`once more, alone: ${files.join(' ')}`)
  const alone = await runTests(files, 1)
  const passed = first.passed + Math.max(0, first.failed - alone.failed)
  const shaky = files.filter((file) => !alone.failing.has(join(root, file)))
  return { counts: { ...first, passed, failed: alone.failed }, shaky }
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
const first = await runTests(files, Math.max(2, availableParallelism()))
const { counts, shaky } = await again(first)

const faults = [
  ...(linted ? [] : ['types, lint or format are at fault: see above']),
  ...(counts.failed > 0 ? [`${counts.failed} tests failed`] : []),
  ...(counts.passed === 0 ? ['no test passed'] : []),
  ...(inCi && counts.skipped > 0 ? [`${counts.skipped} tests were skipped, in CI`] : []),
  ...(inCi && notTested.length > 0 ? ['this machine lacks what tests need, in CI'] : []),
]
say('')
for (const sentence of notTested) say(sentence)
for (const file of shaky) say(`SHAKY: ${file} failed beside other files, and passed alone`)
for (const fault of faults) say(`FAILED: ${fault}`)
say(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = faults.length === 0 ? 0 : 1
