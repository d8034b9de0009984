// Makes the JSON Schema that ships with the package from the one definition of the file. Runs in a
// script and in the test that the shipped one is not stale; never at start-up.

import * as z from 'zod'
import type { JsonSchema } from './json-schema.ts'
import { file } from './schema.ts'

/** Where editors may fetch it from, once the package is published. */
const schemaId = 'https://unpkg.com/alwayson/schema/alwayson.schema.json'

/** The JSON Schema (draft 7, which editors know best) of `alwayson.yaml`. */
export function generateSchema(): JsonSchema {
  const made = z.toJSONSchema(file, { target: 'draft-7', io: 'input' }) as JsonSchema
  const { $schema, ...rest } = allowReferences(made)
  return {
    $schema: $schema ?? '',
    $id: schemaId,
    ...rest,
    // A place for anchors: `x-common: &common { ... }`.
    patternProperties: { '^x-': true },
    $defs: {
      reference: {
        type: 'string',
        pattern: '\\$\\{',
        description: 'A reference, such as `${env.NAME}`.',
      },
    },
  }
}

const reference: JsonSchema = { $ref: '#/$defs/reference', 'x-reference': true }

/** Lets `${…}` stand wherever a single value may: what it stands for is checked instead. */
function allowReferences(schema: JsonSchema): JsonSchema {
  if (schema.anyOf !== undefined) {
    return { ...schema, anyOf: [...schema.anyOf.map(inForms), reference] }
  }
  if (isContainer(schema)) return inside(schema)
  if (schema.type === 'string' && schema.pattern === undefined && schema.enum === undefined) {
    return schema
  }
  if (Array.isArray(schema.type) && schema.type.includes('string')) return schema
  const { description, default: standard, errorMessage, ...form } = schema
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    ...(errorMessage === undefined ? {} : { errorMessage }),
    anyOf: [form, reference],
  }
}

const isContainer = (schema: JsonSchema): boolean =>
  schema.type === 'object' || schema.type === 'array'

const inForms = (form: JsonSchema): JsonSchema => {
  if (form.anyOf !== undefined) return { ...form, anyOf: form.anyOf.map(inForms) }
  return isContainer(form) ? inside(form) : form
}

function inside(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties } = schema
  return {
    ...schema,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, inner]) => [name, allowReferences(inner)]),
          ),
        }),
    ...(items === undefined ? {} : { items: allowReferences(items) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: allowReferences(additionalProperties) }
      : {}),
  }
}

/** The text of the shipped file: two spaces, lists of words on one line. */
export function formatSchema(schema: JsonSchema): string {
  return `${format(schema, '')}\n`
}

function format(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    const isFlat = value.every((one) => typeof one !== 'object')
    if (isFlat) return `[${value.map((one) => JSON.stringify(one)).join(', ')}]`
    return `[\n${value.map((one) => deeper + format(one, deeper)).join(',\n')}\n${indent}]`
  }
  const entries = Object.entries(value).map(
    ([key, inner]) => `${deeper}${JSON.stringify(key)}: ${format(inner, deeper)}`,
  )
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`
}
