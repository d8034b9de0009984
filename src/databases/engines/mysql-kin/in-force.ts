// Which settings of a configuration are not those that a running server has? A server's file says
// what is in force: what it takes as it runs is written there, the rest waits for a start. Pure.

import { canonicalName } from './option-file.ts'

/** A setting that is another in the file than it should be. */
export interface Changed {
  readonly name: string
  /** `undefined`: the server's own default. */
  readonly value: string | undefined
}

type Lines = ReadonlyMap<string, string>

/** The lines of a file that we wrote, by the name of what they set. Of two the later counts. */
function linesOf(text: string): Lines {
  const lines = text.split('\n').flatMap((line): readonly [string, string][] => {
    const at = line.indexOf(' = ')
    return at < 0 || line.startsWith('#') ? [] : [[canonicalName(line.slice(0, at)), line]]
  })
  return new Map(lines)
}

const valueIn = (line: string | undefined): string | undefined =>
  line
    ?.slice(line.indexOf(' = ') + 3)
    .replace(/^"(.*)"$/, '$1')
    .replaceAll(/\\([\\"])/g, '$1')

/** What is to be changed so that what is in force by one file becomes that of the other. */
export function changesBetween(inForce: string, wanted: string): readonly Changed[] {
  const [was, is] = [linesOf(inForce), linesOf(wanted)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((name) => valueIn(was.get(name)) !== valueIn(is.get(name)))
    .map((name) => ({ name, value: valueIn(is.get(name)) }))
}

/** The file once all of `wanted` is in force but what `left` names. */
export function withoutThose(inForce: string, wanted: string, left: readonly string[]): string {
  const [was, is] = [linesOf(inForce), new Map(linesOf(wanted))]
  for (const name of left) {
    const line = was.get(name)
    if (line === undefined) is.delete(name)
    else is.set(name, line)
  }
  const head = wanted.split('\n').filter((line) => line.startsWith('#') || line.startsWith('['))
  return `${[...head, ...is.values()].join('\n')}\n`
}

const units: Readonly<Record<string, bigint>> = {
  k: 1024n,
  m: 1024n ** 2n,
  g: 1024n ** 3n,
  t: 1024n ** 4n,
}

/** A value as a statement takes it: `16M` is for files only. */
export function asNumber(value: string): bigint | undefined {
  const match = /^(\d+)([kmgt]?)$/i.exec(value.trim())
  if (match === null) return undefined
  return BigInt(match[1] ?? '0') * (units[(match[2] ?? '').toLowerCase()] ?? 1n)
}
