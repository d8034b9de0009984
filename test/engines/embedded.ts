// The embedded coordination server, for as long as a test needs it, in a folder that goes with it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  openEmbeddedServer,
} from '../../src/coordination/embedded/server.ts'

/** Opens a server in this process on a free port of loopback. */
export async function openEmbedded(
  options: Partial<EmbeddedServerOptions> = {},
): Promise<Pick<EmbeddedServer, 'port'> & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'alwayson-embedded-'))
  const server = await openEmbeddedServer({ folder, ...options })
  return {
    port: server.port,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
