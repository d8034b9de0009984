// A web server to be put behind the balancers, that can be told to misbehave. Run as a process:
// its port is in PORT, its name in NAME, and the file in which it notes each POST it carried out in
// WORK.

import { appendFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'

const { PORT, NAME = process.env.ALWAYSON_REPLICA ?? `pid-${process.pid}`, WORK } = process.env

/** `post500` answers 500 to a POST that it has carried out, and everything else well. */
export type OriginMode = 'well' | 'err500' | 'slow' | 'post500'
const slowness = 2000

let mode: OriginMode = 'well'
let closing = false

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain',
    'content-length': Buffer.byteLength(text),
    'x-server': NAME,
    ...(closing ? { connection: 'close' } : {}),
  })
  response.end(text)
}

const server = createServer((incoming, response) => {
  incoming.resume()
  if (incoming.url?.startsWith('/mode/') === true) {
    mode = incoming.url.slice('/mode/'.length) as OriginMode
    return answer(response, 200, mode)
  }
  const isPost = incoming.method === 'POST'
  if (isPost && WORK !== undefined) appendFileSync(WORK, `${incoming.url}\n`)
  const status = mode === 'err500' || (mode === 'post500' && isPost) ? 500 : 200
  const text = `${NAME} says ${status}\n`
  if (mode === 'slow') setTimeout(() => answer(response, status, text), slowness)
  else answer(response, status, text)
})
server.listen(Number(PORT), '127.0.0.1')

// As a well-behaved server does: nothing new, what is under way to its end.
process.on('SIGTERM', () => {
  closing = true
  server.close(() => process.exit(0))
})
