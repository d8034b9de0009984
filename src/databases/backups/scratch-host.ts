// The process of a server that is thrown away soon: a child of this process, which ends with it,
// however that ends.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { Fault } from '../../foundation/fault.ts'
import type { Instant, Milliseconds } from '../../foundation/time.ts'
import type { ServerHost, ServerLaunch, ServerProcess } from '../host.ts'

/**
 * The shell waits for the server; beside it something waits for the end of its input, which comes
 * with the end of this process, and then ends the server.
 */
const tied = `exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -QUIT $server) >/dev/null 2>&1 &
exec 3<&-
trap 'kill -QUIT $server' QUIT
trap 'kill -INT $server' INT
wait $server
code=$?
while kill -0 $server 2>/dev/null; do wait $server; code=$?; done
exit $code`

export class ScratchHost implements ServerHost, AsyncDisposable {
  readonly #now: () => Instant
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #isTold = false
  #seen: ServerProcess = { kind: 'none' }

  constructor(now: () => Instant) {
    this.#now = now
  }

  observe(): ServerProcess {
    return this.#seen
  }

  async start({ argv, cwd, env, uid, gid, log }: ServerLaunch): Promise<void> {
    if (this.#seen.kind === 'running') return
    const out = openSync(log, 'a', 0o600)
    const ids = uid === undefined ? {} : { uid, gid: gid ?? uid }
    const child = spawn('/bin/sh', ['-c', tied, 'alwayson', ...argv], {
      ...{ cwd, env, ...ids },
      stdio: ['pipe', out, out],
      detached: true,
    })
    closeSync(out)
    const begun = Promise.withResolvers<void>()
    child.once('spawn', begun.resolve)
    child.once('error', begun.reject)
    try {
      await begun.promise
    } catch (cause) {
      throw new Fault('failed', `cannot start ${argv[0]}`, { cause })
    }
    this.#child = child
    this.#isTold = false
    this.#seen = { kind: 'running', pid: child.pid ?? 0, since: this.#now() }
    const over = Promise.withResolvers<void>()
    this.#ended = over.promise
    child.once('exit', (code, signal) => {
      child.stdin?.destroy()
      this.#child = undefined
      const why = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
      this.#seen = this.#isTold
        ? { kind: 'none' }
        : { kind: 'ended', at: this.#now(), why, last: lastLine(log) }
      over.resolve()
    })
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal)
  }

  async end(signal: NodeJS.Signals, within: Milliseconds): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) {
      this.#seen = { kind: 'none' }
      return
    }
    this.#isTold = true
    const { pid } = child
    // The whole group: the shell, what waits beside it, and the server.
    const kill = (): void => void process.kill(-pid, 'SIGKILL')
    if (signal === 'SIGKILL') kill()
    else child.kill(signal)
    const timer = setTimeout(kill, within)
    await this.#ended
    clearTimeout(timer)
  }

  /** Nobody else could be told to be what this is. */
  renew(): void {}

  onChange(): Disposable {
    return { [Symbol.dispose]: () => {} }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGQUIT', 10_000 as Milliseconds)
  }
}

function lastLine(path: string): string {
  return readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? ''
}
