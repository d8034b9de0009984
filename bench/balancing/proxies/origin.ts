// What the balancers stand in front of: one nginx worker on two ports, or a process that echoes.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listens, statusOf } from '../../lib/origins.ts'
import { freePorts } from '../../lib/ports.ts'
import { start, until } from '../../lib/processes.ts'
import type { Place, Setting } from '../load.ts'

/** Starts it with its files in `folder`. */
export function startOrigin(
  folder: string,
  kind: Setting['origin'],
): Promise<Place & AsyncDisposable> {
  return kind === 'nginx' ? startNginx(folder) : startEcho(folder)
}

/** 15 bytes at `/` and below `/p/`, files of 16 KiB and 1 MiB, and `/up` takes any body. */
async function startNginx(folder: string): Promise<Place & AsyncDisposable> {
  const [one = 0, two = 0] = await freePorts(2)
  const www = join(folder, 'www')
  mkdirSync(www, { recursive: true })
  writeFileSync(join(www, '16k'), Buffer.alloc(16 * 1024, 'x'))
  writeFileSync(join(www, '1m'), Buffer.alloc(1024 * 1024, 'x'))
  const file = join(folder, 'origin.conf')
  const listen = [one, two].map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(' ')
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${folder}/origin.pid; error_log ${folder}/origin.err;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 300s; sendfile on;
 client_max_body_size 0;
 server { ${listen} location / { root ${www}; }
  location = / { return 200 "hello from one\\n"; }
  location /p/ { return 200 "hello from one\\n"; }
  location /up { return 200 "thank you very\\n"; } } }
`,
  )
  const args = ['-c', file, '-e', join(folder, 'origin.err')]
  const server = start('nginx', args, { log: join(folder, 'origin.log') })
  await until('the origin answers', async () => (await statusOf(one)) === 200)
  return { folder, origins: [one, two], [Symbol.asyncDispose]: () => server.stop() }
}

async function startEcho(folder: string): Promise<Place & AsyncDisposable> {
  const [one = 0, two = 0] = await freePorts(2)
  const entry = join(import.meta.dirname, '..', 'echo.ts')
  const log = join(folder, 'echo.log')
  const server = start(process.execPath, [entry, String(one), String(two)], { log })
  await until('the echo listens', () => listens(two))
  return { folder, origins: [one, two], [Symbol.asyncDispose]: () => server.stop() }
}
