// The embedded server as a program of its own: runs until it is told to stop, and says what
// somebody who looks at its output wants to know.

import { setFlagsFromString } from 'node:v8'
import { describeError, Fault } from '../../foundation/fault.ts'
import { type EmbeddedServerOptions, openEmbeddedServer, type ServerNews } from './server.ts'

/** How a coordinator is run. */
export interface CoordinatorOptions extends Omit<EmbeddedServerOptions, 'heard'> {
  /** Takes a line for whoever looks. */
  readonly say: (line: string) => void
}

/** A piece of news as one line. */
export function describeNews(news: ServerNews): string {
  switch (news.kind) {
    case 'torn':
      return (
        `${news.file}: the last write was cut short at byte ${news.at} and had not been ` +
        `acknowledged: ${news.bytes} bytes are dropped`
      )
    case 'snapshot-damaged':
      return `${news.file} is not used: ${news.why}; an older one and its logs are`
    case 'stalled':
    case 'snapshot-failed':
      return describeFault(news.fault)
    case 'goes-on':
      return 'there is room on the disk again: writes go on'
  }
}

const describeFault = (fault: Fault): string =>
  fault.remedy === undefined ? describeError(fault) : `${describeError(fault)} (${fault.remedy})`

/**
 * Keeps a process small that does nothing but run a server: what it makes for a request is garbage
 * at once, so room for more of it at a time only costs memory, 30 MiB under a crowd. What lives a
 * moment longer is looked for when there is a fifth more, not four times as much. Measured: no
 * operation costs more for it.
 */
export function keepSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=20')
}

/**
 * Runs an embedded server until `signal` is aborted. Rejects with a Fault when it cannot be opened
 * (see `openEmbeddedServer`) or has to stop by itself.
 */
export async function runCoordinator(
  { say, ...options }: CoordinatorOptions,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  await using server = await openEmbeddedServer({
    ...options,
    heard: (news) => say(describeNews(news)),
  })
  const replayed = server.replayed === 0 ? '' : `, ${server.replayed} transactions replayed`
  say(`listening at ${server.host}:${server.port}${replayed}`)
  const stopped = Promise.withResolvers<undefined>()
  const stop = (): void => stopped.resolve(undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const failure = await Promise.race([server.failed, stopped.promise])
    if (failure instanceof Fault) throw failure
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
