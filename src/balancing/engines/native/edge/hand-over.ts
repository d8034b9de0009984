// How do listening sockets go from one edge process to its successor, so that none is ever closed?

import { getSystemErrorName } from 'node:util'
import { describeError, Fault } from '../../../../foundation/fault.ts'
import type { Clock, Milliseconds } from '../../../../foundation/time.ts'
import type { Bind } from '../../../model.ts'
import type { RawListener } from '../transport/raw.ts'
import type { ListenHandle, PipeHandle, RawBindings } from '../transport/raw-bindings.ts'

// The old edge connects and says `{"host":…,"port":…}`, with the socket itself beside the line; the
// new one listens on it and answers `ok`, and so on with the next. After the last the old one says
// `end` and closes its copies. The queue of connections not yet accepted belongs to the socket,
// so nobody who has connected is ever refused.

/** Reads lines, each with the handle that came beside it. */
function readLines(
  bindings: RawBindings,
  pipe: PipeHandle,
  line: (text: string, handle: ListenHandle | undefined) => void,
  ended: () => void,
): void {
  const { state, readBytesOrError } = bindings
  let rest = ''
  let handle: ListenHandle | undefined
  pipe.onread = (chunk) => {
    const count = state[readBytesOrError] as number
    if (pipe.pendingHandle) {
      handle = pipe.pendingHandle
      pipe.pendingHandle = null
    }
    if (count < 0 || chunk === undefined) {
      if (count < 0) ended()
      return
    }
    const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) {
      const beside = handle
      handle = undefined
      line(text, beside)
    }
  }
  pipe.readStart()
}

function say(bindings: RawBindings, pipe: PipeHandle, text: string, handle?: ListenHandle): void {
  const request = new bindings.WriteWrap()
  // A write that fails shows as the end of the pipe, which is listened for.
  request.oncomplete = () => undefined
  pipe.writeUtf8String(request, `${text}\n`, handle)
}

/**
 * Gives `listeners` to the process that waits at `path`; resolves when it listens on all of them.
 * Rejects with a Fault when it does not within `patience`: then they are as much ours as before.
 */
export function sendListeners(
  bindings: RawBindings,
  clock: Clock,
  path: string,
  listeners: readonly RawListener[],
  patience: Milliseconds,
): Promise<void> {
  const { Pipe, PipeConnectWrap } = bindings
  const pipe = new Pipe(bindings.pipe.ipc)
  return new Promise<void>((resolve, reject) => {
    const finish = (failure: string | undefined): void => {
      timer[Symbol.dispose]()
      pipe.close()
      if (failure === undefined) resolve()
      else reject(new Fault('unreachable', `the successor at ${path} ${failure}`))
    }
    const timer = clock.after(patience, () => finish(`did not answer within ${patience} ms`))
    const left = [...listeners]
    const next = (): void => {
      const listener = left.shift()
      if (listener === undefined) return say(bindings, pipe, 'end')
      say(bindings, pipe, JSON.stringify(listener.bind), listener.handle)
    }
    const request = new PipeConnectWrap()
    request.oncomplete = (status) => {
      if (status !== 0) return finish(`cannot be reached (${getSystemErrorName(status)})`)
      readLines(
        bindings,
        pipe,
        (text) => {
          if (text === 'ok') next()
          else finish(text === 'done' ? undefined : `refused: ${text}`)
        },
        () => finish('went away'),
      )
      next()
    }
    const code = pipe.connect(request, path)
    if (code !== 0) finish(`cannot be reached (${getSystemErrorName(code)})`)
  })
}

/** What the successor does with each socket it is given: it resolves once it listens. */
export type TakeListener = (bind: Bind, handle: ListenHandle) => Promise<void>

/**
 * Waits at `path` for the listeners of a predecessor; resolves with their number when all have
 * been taken, or with zero when nobody has come within `patience`. A predecessor that goes away
 * in the middle, or a visitor who gives nothing, has kept what was not taken: what is missing has
 * to be opened anew.
 */
export function receiveListeners(
  bindings: RawBindings,
  clock: Clock,
  path: string,
  take: TakeListener,
  patience: Milliseconds,
): Promise<number> {
  const { Pipe } = bindings
  const server = new Pipe(bindings.pipe.server)
  const code = server.bind(path) || server.listen(1)
  if (code !== 0) {
    server.close()
    const why = `cannot listen at ${path} (${getSystemErrorName(code)})`
    return Promise.reject(new Fault('failed', why))
  }
  return new Promise((resolve) => {
    let count = 0
    let over = false
    const finish = (): void => {
      if (over) return
      over = true
      timer[Symbol.dispose]()
      server.close()
      resolve(count)
    }
    const timer = clock.after(patience, finish)
    server.onconnection = (_, client) => {
      // The accepted handle carries no handles itself: a second one over the same socket does. The
      // first is never closed, or it would close the second one's socket once more.
      const pipe = new Pipe(bindings.pipe.ipc)
      pipe.open(client.fd)
      const line = async (text: string, handle: ListenHandle | undefined): Promise<void> => {
        if (text === 'end') {
          // Whoever hears that it is done finds nobody who waits.
          finish()
          return say(bindings, pipe, 'done')
        }
        if (handle === undefined) return say(bindings, pipe, 'no socket came with that')
        try {
          await take(JSON.parse(text) as Bind, handle)
          count += 1
          say(bindings, pipe, 'ok')
        } catch (thrown) {
          say(bindings, pipe, describeError(thrown))
        }
      }
      readLines(bindings, pipe, (text, handle) => void line(text, handle), finish)
    }
  })
}
