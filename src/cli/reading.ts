// Reads the file that is meant, for the verbs that need what it says.

import { availableParallelism } from 'node:os'
import { relative } from 'node:path'
import type { AppliedFile } from '../agent/model.ts'
import { Fault } from '../foundation/fault.ts'
import type { Spec } from '../spec/model.ts'
import { parseSource, readSpec } from '../spec/read.ts'
import type { CheckedFile } from './check.ts'
import { findFile, type Whereabouts } from './locate.ts'
import { importRemark } from './view/imported.ts'

/** A file as it was read, with the variables that it refers to. */
export interface ReadFile extends CheckedFile {
  /** May be secret. */
  readonly env: Readonly<Record<string, string>>
}

/** Reads the file that is meant. What is wrong inside comes back; no file at all is a Fault. */
export async function readFile(where: Whereabouts): Promise<ReadFile> {
  const path = findFile(where)
  const parsed = await readSpec(path, process.env, availableParallelism())
  const fromHere = relative(process.cwd(), path)
  const shown = fromHere.startsWith('..') ? path : fromHere
  const { source, env, imported } = parsed
  const remark = imported === undefined ? undefined : importRemark(shown, imported)
  return { path, shown, text: source.text, env, parsed, remark }
}

/** What a file that somebody else read asks for; a Fault with every problem if it is wrong. */
export async function parseApplied(file: Omit<AppliedFile, 'at'>): Promise<Spec> {
  const parsed = await parseSource(file, file.env, availableParallelism())
  if (parsed.kind === 'spec') return parsed.spec
  const problems = parsed.problems.map(
    ({ place, message }) => `${place.file}:${place.line}:${place.column}: ${message}`,
  )
  throw new Fault('bad-file', problems.join('\n'), {
    remedy: 'alwayson check shows each with its line',
  })
}
