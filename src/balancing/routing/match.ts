// Does a request have what a route asks for beyond host and path? Made ready once for each table.

import type { Asked } from './asked.ts'
import type { FieldMatch, RouteRules } from './model.ts'

/** Whether a request is for this route. */
export type Matches = (path: string, asked: Asked) => boolean

/** The question that rules come to; `undefined` when they ask nothing. Case counts in values. */
export function matcherOf(rules: RouteRules, wanted: string | undefined): Matches | undefined {
  const questions: Matches[] = []
  const { methods, fields, exact, ends } = rules
  if (exact === true) questions.push((path) => path === wanted)
  if (ends !== undefined) questions.push((path) => ends.some((end) => path.endsWith(end)))
  if (methods !== undefined) {
    const names = new Set(methods)
    questions.push((_, { method }) => names.has(method))
  }
  for (const match of fields ?? []) questions.push((_, asked) => matchesField(match, asked))
  if (questions.length < 2) return questions[0]
  return (path, asked) => questions.every((question) => question(path, asked))
}

function matchesField({ name, how, value }: FieldMatch, asked: Asked): boolean {
  const found = asked.field(name)
  if (found === undefined || how === 'absent') return found === undefined && how === 'absent'
  switch (how) {
    case 'is':
      return found === value
    case 'begins':
      return found.startsWith(value)
    case 'ends':
      return found.endsWith(value)
    case 'present':
      return true
  }
}
