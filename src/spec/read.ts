// Reads the file from disk, whichever of the kinds we understand it is. What it asks for is
// `parse`'s to say; nothing is printed here.

import { closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { Fault, systemCode } from '../foundation/fault.ts'
import { limits } from './defaults.ts'
import type { Imported } from './import/haproxy/model.ts'
import type { Parsed } from './model.ts'
import { parseSpec } from './parse.ts'

/** A file as it was read. */
export interface Source {
  readonly path: string
  readonly text: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** What a file came to, and what is needed to come to the same again. */
export type ReadSpec = Parsed & {
  readonly source: Source
  /** The variables that the file refers to, as they were. May be secret. */
  readonly env: Readonly<Record<string, string>>
  /** What became of each line, if the file is HAProxy's. */
  readonly imported: Imported | undefined
}

/**
 * Reads and parses a file: ours, or an HAProxy configuration. Rejects with a Fault if there is
 * nothing to parse: no such file, a folder, bytes that are no text; what is wrong inside comes
 * back as problems.
 */
export async function readSpec(path: string, env: Environment, cores: number): Promise<ReadSpec> {
  return parseSource(readSource(path), env, cores)
}

/** Parses a text that was read before, such as the one that an agent remembers. */
export async function parseSource(
  source: Source,
  env: Environment,
  cores: number,
): Promise<ReadSpec> {
  if (isHaproxy(source)) {
    // Loaded only here: most files are ours, and `up` is to be quick.
    const { parseHaproxy } = await import('./import/haproxy/parse.ts')
    const { parsed, imported } = parseHaproxy(source, env, cores, readPage)
    return { ...parsed, source, env: referredTo(imported.yaml ?? '', env), imported }
  }
  const { path, text } = source
  const parsed = parseSpec({ text, file: path, env, cores, readFile: readPage, modeOf })
  return { ...parsed, source, env: referredTo(text, env), imported: undefined }
}

const readPage = (path: string): string => readBytes(path).toString()

const modeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mode

/** By its name, or by what it says: a section of HAProxy's and no colon. */
export function isHaproxy({ path, text }: Source): boolean {
  if (extname(path) === '.cfg') return true
  if (['.yaml', '.yml', '.json'].includes(extname(path))) return false
  return /^(global|defaults|frontend|backend|listen)\b[^:\n]*$/m.test(text)
}

function referredTo(text: string, env: Environment): Readonly<Record<string, string>> {
  const names = [...text.matchAll(/\$\{env\.([A-Za-z_][A-Za-z0-9_]*)/g)].map((match) => match[1])
  return Object.fromEntries(
    names.flatMap((name = '') => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
}

/** The text of a file. Throws a Fault that says why there is none. */
export function readSource(path: string): Source {
  let bytes: Buffer
  try {
    bytes = readBytes(path)
  } catch (thrown) {
    throw thrown instanceof Fault ? thrown : unreadable(path, thrown)
  }
  if (bytes.includes(0)) {
    throw new Fault('bad-file', `${path} is not a text file`, {
      remedy: 'name an alwayson.yaml or a haproxy.cfg, in UTF-8',
    })
  }
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (cause) {
    throw new Fault('bad-file', `${path} is not UTF-8`, { remedy: 'save it as UTF-8', cause })
  }
}

/** The bytes of a file, as many as are ever read. Throws what the system says. */
function readBytes(path: string): Buffer {
  // Opening a named pipe that nobody writes to would keep us waiting for ever.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const buffer = Buffer.alloc(limits.fileBytes + 1)
    let length = 0
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, null)
      length += count
      if (length > limits.fileBytes) throw tooLarge(path)
      if (count === 0) return buffer.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

const tooLarge = (path: string): Fault =>
  new Fault('bad-file', `${path} has more than the ${limits.fileBytes} bytes that are read`, {
    remedy: 'is it the file you meant?',
  })

function unreadable(path: string, cause: unknown): Fault {
  switch (systemCode(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new Fault('not-found', `there is no file ${resolve(path)}`, {
        remedy: 'name the file that says what has to stay up',
      })
    case 'EISDIR':
      return new Fault('bad-usage', `${path} is a folder, not a file`, {
        remedy: `name a file in it, such as ${join(path, 'alwayson.yaml')}`,
      })
    case 'EACCES':
    case 'EPERM':
      return new Fault('bad-file', `${path} may not be read by this user`, {
        remedy: `give this user leave: chmod u+r ${path}, or become its owner`,
      })
    default:
      return new Fault('failed', `cannot read ${path}`, { cause })
  }
}
