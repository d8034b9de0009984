// Where are a server's programs, as whom do they run, and what do they say?

import { type ChildProcess, spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  readFileSync,
  statSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { describeError, Fault } from '../../../foundation/fault.ts'

/** Where Debian, Red Hat and the packages of the maker put them, beside the path. */
const places = ['/usr/sbin', '/usr/bin', '/usr/libexec', '/usr/local/bin', '/usr/local/mysql/bin']

/** Whether programs are found there by themselves. */
export const isStandardPlace = (folder: string): boolean => places.includes(folder)

/** The user that servers run as. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The first of these that is there, and can be run; throws a Fault that says how to have it. */
export function findProgram(
  names: readonly string[],
  home: string | undefined,
  remedy: string,
): string {
  const folders =
    home === undefined
      ? [...(process.env.PATH ?? '').split(delimiter), ...places]
      : [home, join(home, 'bin'), join(home, 'sbin'), join(home, 'scripts')]
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(canRun)
    if (found !== undefined) return found
  }
  throw new Fault('unsupported', `${names[0]} is not installed${home ? ` in ${home}` : ''}`, {
    remedy,
  })
}

/** Whom a server runs as: `undefined` for this process's own user. Throws a Fault. */
export function ownerOf(user: string | undefined): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const name = user ?? 'mysql'
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined || uid === '0') {
    throw new Fault('unsupported', `this machine has no user ${name} that a server could run as`, {
      remedy: `make one (useradd --system ${name}), or name another with \`user:\``,
    })
  }
  return { uid: Number(uid), gid: Number(gid) }
}

/** Throws a Fault where a folder belongs to another than the user that a server runs as. */
export function assertOwned(path: string, owner: Owner | undefined): void {
  const { uid } = statSync(path)
  if (uid === (owner?.uid ?? process.getuid?.())) return
  throw new Fault('refused', `${path} belongs to another user (${uid})`, {
    remedy: 'chown -R it to the user that the server runs as, or name that user with `user:`',
  })
}

/** Makes a folder that only the server's user may enter. */
export function makeFolder(path: string, owner: Owner | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid)
}

/** How a program is started. */
export interface RunOptions {
  readonly owner?: Owner | undefined
  readonly cwd?: string
}

/** Starts a program that is given its input and asked for its output by the caller. */
export function start(
  program: string,
  args: readonly string[],
  { owner, cwd = '/' }: RunOptions,
  signal: AbortSignal,
): ChildProcess {
  return spawn(program, args, {
    cwd,
    signal,
    killSignal: 'SIGKILL',
    env: { PATH: [process.env.PATH ?? '', ...places].join(delimiter), LC_ALL: 'C' },
    ...(owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }),
  })
}

/** Resolves when it has ended well; rejects with a Fault that has its last words. */
export function ended(child: ChildProcess, program: string): Promise<void> {
  let last = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    last = (last + chunk.toString('utf8')).slice(-2000)
  })
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new Fault('failed', `${program} did not run: ${describeError(cause)}`, { cause })),
    )
    child.once('close', (code) => {
      if (code === 0) return resolve()
      const words = last.trim().split('\n').slice(-4).join(' / ')
      reject(new Fault('failed', `${program} ended with ${code ?? 'a signal'}: ${words}`))
    })
  })
}

/** Runs a program to its end; resolves to what it wrote. Rejects with a Fault. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions,
  signal: AbortSignal,
): Promise<string> {
  const child = start(program, args, options, signal)
  let text = ''
  child.stdin?.end()
  child.stdout?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-64_000)
  })
  await ended(child, program)
  return text
}
