// Does a single value fit one of the forms that may stand there, and if not, what was meant?

import { formatDuration, ms } from '../foundation/time.ts'
import type { JsonSchema } from './json-schema.ts'
import { nearest } from './nearest.ts'
import type { Scalar } from './tree.ts'
import { type Reading, readDuration, readers } from './values.ts'

/** A value of the file, and its text once references were resolved, if it had any. */
export interface Found {
  readonly scalar: Scalar
  readonly resolved: string | undefined
}

/** The value that fits, or what was expected, why that is not it, and what to write. */
export type Answer =
  | { readonly value: unknown }
  | {
      readonly expected: string
      readonly why?: string | undefined
      readonly remedy?: string | undefined
    }

/** Tries each form in turn. */
export function checkScalar(found: Found, forms: readonly JsonSchema[], expected: string): Answer {
  if (forms.some((form) => form['x-kind'] === 'asWritten')) return asWritten(found, expected)
  for (const form of forms) {
    const value = fit(found, form)
    if (value !== undefined) return { value }
  }
  return { expected, ...explain(found, forms) }
}

/** Any single value, as its text: `1.10` stays `1.10`, `true` stays `true`. */
function asWritten({ scalar, resolved }: Found, expected: string): Answer {
  if (scalar.value === null) return { expected, remedy: 'write `""` for an empty one' }
  if (typeof scalar.value === 'string') return { value: resolved ?? scalar.value }
  return { value: scalar.written }
}

const typesOf = (form: JsonSchema): readonly string[] =>
  form.type === undefined ? [] : typeof form.type === 'string' ? [form.type] : form.type

/** The value as this form takes it; `undefined` if it does not. */
function fit(found: Found, form: JsonSchema): unknown {
  for (const candidate of candidates(found)) {
    if (typeof candidate === 'string' ? fitsText(candidate, form) : fitsOther(candidate, form)) {
      return candidate
    }
  }
  return undefined
}

/** What came out of a reference is a text, and may stand for a number or a truth as well. */
function candidates({ scalar, resolved }: Found): readonly (string | number | boolean)[] {
  if (resolved === undefined) return scalar.value === null ? [] : [scalar.value]
  const number = /^-?\d+(\.\d+)?$/.test(resolved) ? [Number(resolved)] : []
  const truth = resolved === 'true' || resolved === 'false' ? [resolved === 'true'] : []
  return [resolved, ...number, ...truth]
}

function fitsOther(value: number | boolean, form: JsonSchema): boolean {
  const types = typesOf(form)
  if (typeof value === 'boolean') {
    return types.includes('boolean') && (form.const === undefined || form.const === value)
  }
  if (!types.includes('number') && !(types.includes('integer') && Number.isSafeInteger(value))) {
    return false
  }
  return value >= (form.minimum ?? -Infinity) && value <= (form.maximum ?? Infinity)
}

function fitsText(text: string, form: JsonSchema): boolean {
  if (!typesOf(form).includes('string')) return false
  if (form.const !== undefined && form.const !== text) return false
  if (form.enum !== undefined && !form.enum.includes(text)) return false
  if (text.length < (form.minLength ?? 0)) return false
  if (form['x-kind'] === undefined) {
    return form.pattern === undefined || new RegExp(form.pattern).test(text)
  }
  return read(text, form).ok
}

function read(text: string, form: JsonSchema): Reading<unknown> {
  const reader = readers[form['x-kind'] ?? '']
  if (reader === undefined) return { ok: true, value: text }
  const reading = reader(text)
  const least = form['x-least'] ?? 0
  if (!reading.ok || form['x-kind'] !== 'duration' || least === 0) return reading
  const length = readDuration(text)
  return length.ok && length.value < least
    ? { ok: false, why: `it cannot be shorter than ${formatDuration(ms(least))}` }
    : reading
}

interface Explanation {
  readonly why?: string | undefined
  readonly remedy?: string | undefined
}

function explain({ scalar, resolved }: Found, forms: readonly JsonSchema[]): Explanation {
  if (resolved !== undefined) return { why: 'what it stands for is something else' }
  const { value, written } = scalar
  if (value === null) return {}
  const words = forms.flatMap((form) => [...(form.enum ?? []), form.const]).filter(isText)
  if (value === false && words.includes('none')) return { remedy: 'did you mean `none`?' }
  const near = nearest(written, words)
  if (near !== undefined) return { remedy: `did you mean \`${near}\`?` }
  for (const form of forms) {
    if (form['x-kind'] === undefined || !typesOf(form).includes('string')) continue
    const reading = read(written, form)
    if (!reading.ok && (reading.remedy ?? reading.why) !== undefined) {
      return { why: reading.why, remedy: reading.remedy }
    }
  }
  const short = forms.find((form) => typeof value === 'number' && value < (form.minimum ?? value))
  if (short?.['x-remedy'] !== undefined) return { remedy: short['x-remedy'] }
  const numeric = forms.some((form) => typesOf(form).some((t) => t === 'integer' || t === 'number'))
  if (typeof value === 'string' && numeric && /^-?\d+(\.\d+)?$/.test(value)) {
    return { remedy: 'leave out the quotes' }
  }
  const truth = forms.some((form) => typesOf(form).includes('boolean'))
  if (typeof value === 'string' && truth) return { remedy: truthMeant(value) }
  const textual = forms.some((form) => typesOf(form).includes('string'))
  return typeof value !== 'string' && textual && fitsSomewhere(written, forms)
    ? { remedy: `put it in quotes: \`"${written}"\`` }
    : {}
}

const isText = (value: unknown): value is string => typeof value === 'string'

const fitsSomewhere = (text: string, forms: readonly JsonSchema[]): boolean =>
  forms.some((form) => fitsText(text, form))

function truthMeant(text: string): string | undefined {
  const word = text.toLowerCase()
  if (['yes', 'on', 'y', '1', 'true'].includes(word)) return 'write `true`, without quotes'
  return ['no', 'off', 'n', '0', 'false'].includes(word)
    ? 'write `false`, without quotes'
    : undefined
}
