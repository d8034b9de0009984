// An edge process: `node main.ts <edge number> <socket path> [<hand-over socket path>]`.

import { enableCompileCache, flushCompileCache } from 'node:module'

// What this process does not know: who started it. Its agent may die, and with it the terminal and
// the pipes; the traffic goes on.
enableCompileCache()
const { runEdge } = await import('./edge/process.ts')
// Or this very file would be compiled anew each time, by a compiler of 7 MiB that stays for good.
flushCompileCache()
await runEdge(process.argv.slice(2))
