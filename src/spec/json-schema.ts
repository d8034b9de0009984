// The JSON Schema of the file, as it ships with the package: made from `schema.ts` by a script,
// used by editors, and by `check.ts`. So what an editor accepts and what is accepted here agree.

import { readFileSync } from 'node:fs'

/** The part of JSON Schema (draft 7) that our schema uses, and our own words in it. */
export interface JsonSchema {
  readonly type?:
    | 'object'
    | 'array'
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly propertyNames?: JsonSchema
  readonly additionalProperties?: boolean | JsonSchema
  readonly patternProperties?: Readonly<Record<string, boolean | JsonSchema>>
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly $schema?: string
  readonly $id?: string
  readonly title?: string
  /** What editors show when a value does not fit (vscode-json-languageservice). */
  readonly errorMessage?: string
  /** The reader in `values.ts` that decides beyond the pattern. */
  readonly 'x-kind'?: string
  /** The shortest length of time, in milliseconds. */
  readonly 'x-least'?: number
  /** `${port}`, `${host}` and `${replica}` may stand here. */
  readonly 'x-references'?: 'replica'
  /** `${env.…}` may not stand here, because: */
  readonly 'x-no-env'?: string
  /** What to do about a number that is too low. */
  readonly 'x-remedy'?: string
  /** The value is not to be shown, not even in an error. */
  readonly 'x-private'?: boolean
  /** The alternative that lets an editor accept `${…}`; what it stands for is checked instead. */
  readonly 'x-reference'?: boolean
}

/** Where the package keeps it; the same from `src` and from `dist`. */
export const schemaPath = new URL('../../schema/alwayson.schema.json', import.meta.url)

let loaded: JsonSchema | undefined

/** The JSON Schema of `alwayson.yaml`. */
export function jsonSchema(): JsonSchema {
  loaded ??= JSON.parse(readFileSync(schemaPath, 'utf8')) as JsonSchema
  return loaded
}
