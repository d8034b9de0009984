// The process of a server that is thrown away soon: a child of this process, which ends with it,
// however that ends.

import type { Milliseconds } from '../../foundation/time.ts'
import { type ChildCommand, ChildHost } from '../child-host.ts'
import type { ServerLaunch } from '../host.ts'

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

export class ScratchHost extends ChildHost implements AsyncDisposable {
  protected commandOf({ argv, uid, gid }: ServerLaunch): ChildCommand {
    const ids = uid === undefined ? {} : { uid, gid: gid ?? uid }
    return { argv: ['/bin/sh', '-c', tied, 'alwayson', ...argv], ids, input: 'pipe' }
  }

  async end(signal: NodeJS.Signals, within: Milliseconds): Promise<void> {
    const { child } = this
    this.tellEnd()
    if (child?.pid === undefined) return
    const { pid } = child
    // The whole group: the shell, what waits beside it, and the server.
    const kill = (): void => void process.kill(-pid, 'SIGKILL')
    if (signal === 'SIGKILL') kill()
    else child.kill(signal)
    const timer = setTimeout(kill, within)
    await this.ended
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGQUIT', 10_000 as Milliseconds)
  }
}
