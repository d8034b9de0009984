// What can be read of all this over HTTP? Metrics, HAProxy's statistics, a page for people, and
// whether the agent is well. Nothing can be changed here.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Fault, systemCode } from '../foundation/fault.ts'
import { expositionType } from './exposition.ts'
import { rowsOf } from './haproxy/rows.ts'
import { statText } from './haproxy/stat.ts'
import { healthOf } from './health.ts'
import { metricsOf } from './metrics.ts'
import type { Scene } from './model.ts'
import { pageOf } from './page.ts'

/** Somebody who asks for more connections than this has no good reason. */
const connectionsMost = 100

interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Answers at `bind` until disposed. Throws a Fault if the address cannot be had. */
export async function serveTelemetry(
  bind: { readonly host: string; readonly port: number },
  scene: () => Scene | undefined,
): Promise<Disposable & { readonly port: number }> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 15_000 },
    (request, response) => answer(request, response, scene()),
  )
  server.maxConnections = connectionsMost
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(bind, cause)))
    server.listen({ ...bind, exclusive: true }, resolve)
  })
  server.on('clientError', (_, socket) => socket.destroy())
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : bind.port,
    [Symbol.dispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function cannotListen({ host, port }: { host: string; port: number }, cause: unknown): Fault {
  const code = systemCode(cause) ?? ''
  return new Fault(
    code === 'EADDRINUSE' ? 'in-use' : 'refused',
    `cannot listen on ${host}:${port} for metrics (${code})`,
    { cause, remedy: 'choose another address for `metrics` in the file' },
  )
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  scene: Scene | undefined,
): void {
  const isHead = request.method === 'HEAD'
  const reply =
    !isHead && request.method !== 'GET'
      ? { status: 405, type: plain, body: 'only GET and HEAD\n' }
      : scene === undefined
        ? { status: 503, type: plain, body: 'the agent is starting\n' }
        : replyTo(request.url ?? '/', scene)
  response.writeHead(reply.status, {
    'Content-Type': reply.type,
    'Content-Length': Buffer.byteLength(reply.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    ...(reply.status === 405 ? { Allow: 'GET, HEAD' } : {}),
  })
  response.end(isHead ? undefined : reply.body)
}

const plain = 'text/plain; charset=utf-8'

/** What is at a target. HAProxy's words may follow any path: `/stats;csv`, `/ha;csv;norefresh`. */
export function replyTo(target: string, scene: Scene): Reply {
  const [path = '/', ...words] = target.replace('?stats', '').split('?')[0]?.split(';') ?? []
  if (words.includes('csv')) {
    return { status: 200, type: plain, body: statText(rowsOf(scene), 'csv') }
  }
  if (words.includes('json')) {
    const body = statText(rowsOf(scene), 'json')
    return { status: 200, type: 'application/json', body }
  }
  switch (path) {
    case '/metrics':
      return { status: 200, type: expositionType, body: metricsOf(scene) }
    case '/':
    case '/stats':
      return { status: 200, type: 'text/html; charset=utf-8', body: pageOf(scene) }
    case '/health': {
      const health = healthOf(scene)
      const status = health.status === 'fail' ? 503 : 200
      return { status, type: 'application/health+json', body: `${JSON.stringify(health)}\n` }
    }
    default:
      return { status: 404, type: plain, body: 'there are /metrics, /stats, /stats;csv, /health\n' }
  }
}
