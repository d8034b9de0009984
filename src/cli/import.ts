// `alwayson import`: the alwayson.yaml that does what a haproxy.cfg does, and a word about each
// line that it does not carry over.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Fault, systemCode } from '../foundation/fault.ts'
import { importHaproxy } from '../spec/import/haproxy/import.ts'
import type { Page } from '../spec/import/haproxy/model.ts'
import { readSource } from '../spec/read.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { importLines } from './view/imported.ts'
import { paintOf } from './view/style.ts'

/** What `import` may be told. */
export interface ImportOptions {
  /** Where to write; stdout if left out. */
  readonly output?: string
  /** Replace what is there. */
  readonly force?: boolean
}

/** Imports a configuration of HAProxy. What became of its lines is told on stderr. */
export async function importFile(
  ports: Pick<Ports, 'out' | 'err'>,
  from: string,
  { output, force = false }: ImportOptions,
): Promise<ExitCode> {
  const { out, err } = ports
  const { text } = await readSource(resolve(from))
  const folder = dirname(resolve(from))
  const readFile = (page: string): string => readFileSync(resolve(folder, page), 'utf8')
  const imported = importHaproxy({ text, file: from, readFile })
  const { yaml, pages } = imported
  err.write(`${importLines(from, imported, paintOf(err)).join('\n')}\n`)
  if (yaml === undefined) {
    throw new Fault('bad-file', `${from} has no server that could be carried over`, {
      remedy: 'is it the configuration of HAProxy? Its backends and listens name the servers',
    })
  }
  if (output === undefined) {
    out.write(yaml)
    for (const { path } of pages) err.write(`it refers to ${path}, which --output writes\n`)
    return exit.done
  }
  const target = resolve(output)
  const files = [
    ...pages.map(({ path, text: page }) => ({ path: join(dirname(target), path), text: page })),
    { path: target, text: yaml },
  ]
  // All or nothing: an import that is half there is of no use to anybody.
  const standing = force ? undefined : files.find(({ path }) => existsSync(path))
  if (standing !== undefined) throw isThere(standing.path)
  for (const file of files) write(file, force)
  out.write(`wrote ${files.map(({ path }) => path).join(', ')}\n`)
  return exit.done
}

function write({ path, text }: Page, force: boolean): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' })
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') throw isThere(path)
    throw new Fault('failed', `cannot write ${path}`, { cause })
  }
}

const isThere = (path: string): Fault =>
  new Fault('refused', `${path} is there already, and is left as it is`, {
    remedy: 'name another file with --output, or replace it with --force',
  })
