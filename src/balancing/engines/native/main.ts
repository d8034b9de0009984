// An edge process: `node main.ts <edge number> <socket path> [<hand-over socket path>]`.

import { enableCompileCache } from 'node:module'

// What this process does not know: who started it. Its agent may die, and with it the terminal and
// the pipes; the traffic goes on.
enableCompileCache()
const { runEdge } = await import('./edge/process.ts')
await runEdge(process.argv.slice(2))
