// Writes what is made from the definition of the file: the JSON Schema for editors. Run it after a
// change of `src/spec/schema*.ts`; a test fails while what is written is stale.

import { mkdirSync, writeFileSync } from 'node:fs'
import { formatSchema, generateSchema } from '../src/spec/generate-schema.ts'
import { schemaPath } from '../src/spec/json-schema.ts'

mkdirSync(new URL('.', schemaPath), { recursive: true })
writeFileSync(schemaPath, formatSchema(generateSchema()))
console.log(`wrote ${schemaPath.pathname}`)
