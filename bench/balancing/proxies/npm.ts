// Proxies from npm, installed once in a folder of their own.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../lib/ports.ts'
import { start } from '../../lib/processes.ts'
import type { ProxyKind } from '../load.ts'
import { answering } from './answering.ts'

const installed = join(tmpdir(), 'alwayson-bench-npm')

/** The package `name`, as `npm-proxy.ts` runs it: plain HTTP, one process. */
export function fromNpm(name: string): ProxyKind {
  return {
    name,
    can: ({ front, processes, origin }) =>
      front === 'http' && processes === 1 && origin === 'nginx',
    async start({ folder, origins }, setting) {
      if (!existsSync(join(installed, 'node_modules', name))) {
        mkdirSync(installed, { recursive: true })
        const args = ['install', '--prefix', installed, '--no-audit', '--no-fund', '--silent', name]
        execFileSync('npm', args, { stdio: 'inherit' })
      }
      const [port = 0] = await freePorts(1)
      const entry = join(import.meta.dirname, '..', 'npm-proxy.ts')
      const args = [entry, installed, name, String(port), ...origins.map(String)]
      const log = join(folder, `${name}.log`)
      const server = start(process.execPath, args, { log, env: { NODE_ENV: 'production' } })
      await answering(name, port, setting)
      return { port, pids: [server.pid], [Symbol.asyncDispose]: () => server.stop() }
    },
  }
}
