// Writes the pages that are made from the code, so that they cannot disagree with it. A test fails
// while one of them is stale.
//
//   npm run generate

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatSchema, generateSchema } from '../src/spec/generate-schema.ts'
import { filePage } from './file-page.ts'
import { httpConformancePage } from './http-conformance-page.ts'
import { rulesPage } from './rules-page.ts'

const root = join(import.meta.dirname, '..')

const note = '<!-- Made from the code by `npm run generate`. -->'

/** What the command line prints; throws with what it complained about. */
function alwayson(...args: readonly string[]): string {
  const launcher = join(root, 'bin', 'alwayson.js')
  const done = spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8', cwd: root })
  if (done.status !== 0) throw new Error(`alwayson ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}

/** The verbs that a help text lists: indented by two, before the examples. */
function verbsIn(help: string): readonly string[] {
  const [list = ''] = help.split('\nExamples:')
  const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)\b/gm)].map(([, name = '']) => name)
  return names.filter((name) => name !== 'help').toSorted()
}

const block = (text: string): string => `\`\`\`text\n${text.trim()}\n\`\`\`\n`

function commandsPage(): string {
  const help = alwayson('--help')
  const verbs = verbsIn(help).map((verb) => `## ${verb}\n\n${block(alwayson('help', verb))}`)
  return `${note}\n# The command line\n\n${block(help)}\n${verbs.join('\n')}`
}

/** Every page that is made, by its path in the project. */
export const pages: Readonly<Record<string, () => string>> = {
  'docs/rules.md': () => rulesPage(note),
  'docs/commands.md': commandsPage,
  'docs/http-conformance.md': () => httpConformancePage(note),
  'docs/file.md': () => filePage(note, generateSchema()),
  'schema/alwayson.schema.json': () => formatSchema(generateSchema()),
}

if (import.meta.main) {
  for (const [path, make] of Object.entries(pages)) writeFileSync(join(root, path), make())
}
