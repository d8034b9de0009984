// Does the tree have the shape that the JSON Schema asks for? Walks both at once, goes on after
// every fault, and returns what fits. What the values mean together is `settle`'s to know.

import { checkScalar, type Found } from './check-scalar.ts'
import type { JsonSchema } from './json-schema.ts'
import { nearest, suggest } from './nearest.ts'
import type { Resolved } from './references.ts'
import type { Reporter } from './reporter.ts'
import type { Entry, ListTree, MapTree, Path, Scalar, Tree } from './tree.ts'

/** What checking needs besides the tree. */
export interface CheckContext {
  readonly root: JsonSchema
  readonly reporter: Reporter
  /** Sections that a later version will know. */
  readonly laterSections: readonly string[]
  /** The text of a scalar with its references resolved; `undefined` has been reported. */
  resolve(scalar: Scalar, schema: JsonSchema, path: Path): Resolved | undefined
}

/** The value of `tree` as plain data, without what does not fit; that has been reported. */
export const checkTree = (tree: Tree, context: CheckContext): unknown =>
  look(tree, context.root, [], context)

function look(tree: Tree, schema: JsonSchema, path: Path, context: CheckContext): unknown {
  switch (tree.kind) {
    case 'broken':
      return undefined
    case 'scalar':
      return lookAtScalar(tree, schema, path, context)
    case 'list':
      return lookAtList(tree, schema, path, context)
    case 'map':
      return lookAtMap(tree, schema, path, context)
  }
}

/** The forms a value may take, without the one that stands for `${…}` in editors. */
const formsOf = (schema: JsonSchema): readonly JsonSchema[] =>
  (schema.anyOf ?? [schema])
    .filter((form) => form['x-reference'] !== true)
    .flatMap((form) => (form.anyOf === undefined ? [form] : formsOf(form)))

/** What was expected, in the words of the schema. */
function expectedBy(schema: JsonSchema, forms: readonly JsonSchema[]): string {
  if (schema.errorMessage !== undefined) return schema.errorMessage
  if (forms.length === 1 && forms[0]?.errorMessage !== undefined) return forms[0].errorMessage
  const keys = forms.flatMap((form) => Object.keys(form.properties ?? {}))
  if (keys.length > 0) return `expected a map of ${listed(keys.slice(0, 4))}`
  if (forms.some((form) => form.type === 'object')) return 'expected a map of keys and values'
  return forms.some((form) => form.type === 'array') ? 'expected a list' : 'expected a single value'
}

const listed = (words: readonly string[]): string => words.map((one) => `\`${one}\``).join(', ')

function lookAtScalar(
  scalar: Scalar,
  schema: JsonSchema,
  path: Path,
  context: CheckContext,
): unknown {
  const forms = formsOf(schema)
  const keywords = { ...forms.find((form) => form['x-references'] !== undefined), ...schema }
  const resolved =
    typeof scalar.value === 'string' && scalar.value.includes('${')
      ? context.resolve(scalar, keywords, path)
      : { text: undefined }
  if (resolved === undefined) return undefined
  const found: Found = { scalar, resolved: resolved.text }
  const answer = checkScalar(found, forms, expectedBy(schema, forms))
  if ('value' in answer) return answer.value
  // What stands where a map of such values should may be all of them.
  const isPrivate = [keywords, ...forms.map(valuesOf)].some((one) => one['x-private'] === true)
  const shown = isPrivate ? 'a value that does not fit' : showScalar(scalar)
  context.reporter.report({
    offset: scalar.offset,
    path,
    message: `${answer.expected}; found ${scalar.value === null ? 'nothing' : shown}${
      answer.why === undefined ? '' : `: ${answer.why}`
    }`,
    remedy: answer.remedy,
    absence: scalar.value === null,
  })
  return undefined
}

const valuesOf = ({ additionalProperties: values }: JsonSchema): JsonSchema =>
  typeof values === 'object' ? values : {}

/** A value as the file has it, short enough for a line. */
export function showScalar(scalar: Scalar): string {
  if (scalar.value === '') return 'an empty text'
  const text = scalar.written.replace(/\s+/g, ' ')
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text
  return typeof scalar.value === 'number' ? `the number ${short}` : `\`${short}\``
}

function lookAtList(
  tree: ListTree,
  schema: JsonSchema,
  path: Path,
  context: CheckContext,
): unknown {
  const forms = formsOf(schema)
  const form = forms.find((one) => one.type === 'array')
  if (form === undefined) {
    return mismatch(tree, 'a list', expectedBy(schema, forms), path, context)
  }
  if (tree.items.length < (form.minItems ?? 0)) {
    return mismatch(tree, 'an empty list', expectedBy(form, [form]), path, context)
  }
  const items = form.items ?? {}
  return tree.items.map((item, index) => look(item, items, [...path, index], context))
}

function mismatch(
  tree: Tree,
  found: string,
  expected: string,
  path: Path,
  context: CheckContext,
): undefined {
  context.reporter.report({ offset: tree.offset, path, message: `${expected}; found ${found}` })
}

function lookAtMap(tree: MapTree, schema: JsonSchema, path: Path, context: CheckContext): unknown {
  const forms = formsOf(schema)
  const maps = forms.filter((form) => form.type === 'object')
  const form = likeliest(tree, maps)
  if (form === undefined) return mismatch(tree, 'a map', expectedBy(schema, forms), path, context)
  reportMissing(tree, form, maps, path, context)
  const values = tree.entries.map((entry): readonly [string, unknown] => {
    const inner = schemaOf(entry, form, maps, path, context)
    const value = inner && look(entry.value, inner, [...path, entry.key], context)
    return [entry.key, value]
  })
  const isRecord = form.properties === undefined
  return Object.fromEntries(values.filter(([, value]) => isRecord || value !== undefined))
}

/**
 * The form whose required keys are there; failing that, the one whose required keys are nearly
 * there, or that shares most keys with it.
 */
function likeliest(tree: MapTree, forms: readonly JsonSchema[]): JsonSchema | undefined {
  const [first, ...others] = forms
  if (others.length === 0) return first
  const keys = new Set(tree.entries.map((entry) => entry.key))
  const score = (form: JsonSchema): number => {
    const required = form.required ?? []
    const near = tree.entries.some((entry) => nearest(entry.key, required) !== undefined)
    return (
      1000 * required.filter((one) => keys.has(one)).length +
      (near ? 100 : 0) +
      Object.keys(form.properties ?? {}).filter((one) => keys.has(one)).length
    )
  }
  return forms.toSorted((a, b) => score(b) - score(a))[0]
}

function reportMissing(
  tree: MapTree,
  form: JsonSchema,
  forms: readonly JsonSchema[],
  path: Path,
  context: CheckContext,
): void {
  const has = (key: string): boolean => tree.entries.some((entry) => entry.key === key)
  const missing = (form.required ?? []).filter((key) => !has(key))
  if (missing.length === 0) return
  const others = forms.flatMap((one) => one.required ?? [])
  const isMisspelt = (keys: readonly string[]): boolean =>
    tree.entries.some((entry) => nearest(entry.key, keys) !== undefined)
  if (forms.length > 1) {
    if (isMisspelt(others)) return
    const message = `one of ${listed(others)} is missing`
    context.reporter.report({ offset: tree.offset, path, message, absence: true })
    return
  }
  for (const key of missing) {
    if (isMisspelt([key])) continue
    const expected = form.properties?.[key]?.errorMessage ?? form.properties?.[key]?.description
    context.reporter.report({
      offset: tree.offset,
      path,
      message: `\`${key}\` is missing`,
      remedy: expected && `add \`${key}\`: ${expected.replace(/^expected /, '')}`,
      absence: true,
    })
  }
}

/** The schema for the value of a key; `undefined` if the key is unknown, which is reported. */
function schemaOf(
  entry: Entry,
  form: JsonSchema,
  forms: readonly JsonSchema[],
  path: Path,
  context: CheckContext,
): JsonSchema | undefined {
  const known = form.properties?.[entry.key]
  if (known !== undefined && Object.hasOwn(form.properties ?? {}, entry.key)) return known
  const report = (message: string, remedy: string | undefined): undefined => {
    const at = [...path, entry.key]
    context.reporter.report({ offset: entry.keyOffset, path: at, message, remedy })
  }
  if (typeof form.additionalProperties === 'object') {
    const answer = checkScalar(
      { scalar: keyScalar(entry), resolved: undefined },
      [form.propertyNames ?? {}],
      form.propertyNames?.errorMessage ?? 'expected a name',
    )
    if ('expected' in answer) report(`${answer.expected}; found \`${entry.key}\``, answer.remedy)
    return form.additionalProperties
  }
  const patterns = Object.keys(form.patternProperties ?? {})
  if (patterns.some((pattern) => new RegExp(pattern).test(entry.key))) return undefined
  if (path.length === 0 && context.laterSections.includes(entry.key)) {
    return report(
      `this version of Always On does not know \`${entry.key}\` yet`,
      'leave the section out, or use a later version',
    )
  }
  const other = forms.find((one) => Object.hasOwn(one.properties ?? {}, entry.key))
  if (other !== undefined) {
    const beside = (form.required ?? []).join('` or `')
    const home = (other.required ?? []).filter((one) => one !== entry.key)
    return report(
      `\`${entry.key}\` cannot stand beside \`${beside}\``,
      home.length === 0 ? 'keep one of the two' : `it belongs with ${listed(home)}`,
    )
  }
  return report(`unknown key \`${entry.key}\``, meant(entry.key, form, path, context))
}

const keyScalar = (entry: Entry): Scalar => ({
  kind: 'scalar',
  offset: entry.keyOffset,
  end: entry.keyOffset,
  value: entry.key,
  written: entry.key,
})

function meant(
  key: string,
  form: JsonSchema,
  path: Path,
  context: CheckContext,
): string | undefined {
  const known = Object.keys(form.properties ?? {})
  if (nearest(key, known) !== undefined) return suggest(key, known)
  const elsewhere = [...homesOf(key, context.root, [])].filter((home) => home.length > 0)
  const home = elsewhere.toSorted((a, b) => a.length - b.length)[0]
  const here = path.map(String).join('.')
  if (home !== undefined && home.join('.') !== here) return `it belongs under \`${home.join('.')}\``
  return suggest(key, known)
}

/** The maps of the schema that know a key, as paths with `NAME` for what the writer names. */
function* homesOf(
  key: string,
  schema: JsonSchema,
  path: readonly string[],
): Generator<readonly string[]> {
  for (const form of formsOf(schema)) {
    if (Object.hasOwn(form.properties ?? {}, key)) yield path
    for (const [name, inner] of Object.entries(form.properties ?? {})) {
      yield* homesOf(key, inner, [...path, name])
    }
    if (typeof form.additionalProperties === 'object') {
      yield* homesOf(key, form.additionalProperties, [...path, 'NAME'])
    }
    if (form.items !== undefined) yield* homesOf(key, form.items, path)
  }
}
