// Is the file right, and what does it ask for? Every fault at once, each with its place. Knows
// nothing that is not handed in.

import { checkTree } from './check.ts'
import { limits } from './defaults.ts'
import { jsonSchema } from './json-schema.ts'
import type { Parsed, Place } from './model.ts'
import { plant } from './plant.ts'
import { resolve } from './references.ts'
import { openProblemList, toProblems } from './reporter.ts'
import { settle } from './settle.ts'
import { type EnvUse, type Ground, type LooseFile, openSite } from './site.ts'
import type { Surroundings } from './surroundings.ts'
import { readYaml } from './yaml.ts'

/** The text and everything that its meaning depends on. */
export interface ParseInput extends Ground {
  readonly text: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Sections of the design that this version does not carry out. */
const laterSections = ['addresses', 'buckets', 'fleets', 'scaling', 'drills']

/** What the file asks for, or everything that is wrong with it, in the order of the file. */
export function parseSpec(input: ParseInput): Parsed {
  const size = Buffer.byteLength(input.text)
  if (size > limits.fileBytes) {
    const message = `this file has ${size} bytes, and ${limits.fileBytes} are the most that is read`
    return oneProblem(input.file, message, 'is it the file you meant?')
  }
  const problems = openProblemList()
  const source = readYaml(input.text.replace(/^\uFEFF/, ''), input.file, problems)
  const tree = plant(source, problems)
  if (tree === undefined) {
    if (source.hasSyntaxErrors) {
      return { kind: 'problems', problems: toProblems(problems.reports, source.placeOf) }
    }
    return oneProblem(
      input.file,
      'this file is empty',
      'begin with `services:`, or see docs/file.md',
    )
  }

  const envUses: EnvUse[] = []
  const around: Surroundings = {
    tree,
    text: source.text,
    env: input.env,
    reporter: problems,
    laterSections,
  }
  const value = checkTree(tree, {
    root: jsonSchema(),
    reporter: problems,
    laterSections,
    resolve: (scalar, schema, path) => {
      const resolved = resolve(scalar, schema, path, around)
      for (const value of resolved?.fromEnv ?? []) envUses.push({ path, value })
      return resolved
    },
  })
  const site = openSite(tree, input, problems, envUses)
  const spec = value === undefined ? undefined : settle(value as LooseFile, site)

  const reports = problems.reports.filter(
    (report) =>
      !source.hasSyntaxErrors ||
      report.isSyntax ||
      (!report.absence && !source.isDamaged(report.offset)),
  )
  if (spec === undefined || reports.length > 0) {
    return { kind: 'problems', problems: toProblems(reports, source.placeOf) }
  }
  return { kind: 'spec', spec }
}

function oneProblem(file: string, message: string, remedy: string): Parsed {
  const place: Place = { file, line: 1, column: 1 }
  return { kind: 'problems', problems: [{ place, path: '', message, remedy }] }
}
