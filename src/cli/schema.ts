// `alwayson schema`: the JSON Schema that editors check and complete the file with.

import { readFileSync } from 'node:fs'
import { schemaPath } from '../spec/json-schema.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'

/** Prints the JSON Schema that ships with this version. */
export function schema({ out }: Pick<Ports, 'out'>): ExitCode {
  out.write(readFileSync(schemaPath, 'utf8'))
  return exit.done
}
