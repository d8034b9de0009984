// Makes the first data of a database: empty, with one account, ours.

import { existsSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../../../control/whole-file.ts'
import { Fault } from '../../../foundation/fault.ts'
import { unmarkHalf } from './half.ts'
import { give, makePrivate, runAs } from './owner.ts'
import type { Server } from './server.ts'

/** Resolves when there is data, stopped. Does nothing where there is. Rejects with a `Fault`. */
export async function initialise(server: Server, signal: AbortSignal): Promise<void> {
  server.checkFolder()
  if (server.holding === 'data') return
  if (server.holding === 'half') {
    throw new Fault('refused', `${server.data} holds data that is half rewound`, {
      remedy: 'copy this member anew: alwayson reinit',
    })
  }
  const programs = await server.programs()
  server.prepareFolders()
  const draft = `${server.data}.making`
  await rm(draft, { recursive: true, force: true })
  makePrivate(draft, server.owner)
  const { user, password } = server.options.accounts.admin
  const secret = join(server.options.run, 'first-password')
  writeWhole(secret, `${password}\n`)
  give(secret, server.owner)
  try {
    await runAs(
      server.owner,
      join(programs.folder, 'initdb'),
      [
        ['-D', draft],
        ['-U', user],
        [`--pwfile=${secret}`],
        ['--auth=scram-sha-256'],
        ['--encoding=UTF8', '--locale=C'],
        ['--data-checksums', '--no-instructions'],
      ].flat(),
      { cwd: server.options.run, env: server.environment },
      signal,
    )
  } catch (cause) {
    await rm(draft, { recursive: true, force: true })
    throw new Fault('failed', 'initdb could not make the first data', {
      remedy: 'look at what it said',
      cause: new Error(
        String((cause as { stderr?: unknown }).stderr ?? cause)
          .trim()
          .slice(-500),
      ),
    })
  } finally {
    rmSync(secret, { force: true })
  }
  if (existsSync(server.data)) rmdirSync(server.data)
  // Whoever removed what was half rewound may have left it.
  await unmarkHalf(server.data)
  renameSync(draft, server.data)
}
