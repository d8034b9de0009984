// The web server that the soak keeps up. Its answers fit one write, so that who is killed has
// answered whole or not at all: what breaks off in the middle no balancer could mend.

import { createServer } from 'node:http'

const page = 'x'.repeat(8 * 1024)
let isLeaving = false

const server = createServer((request, response) => {
  let taken = 0
  request.on('data', (part: Buffer) => {
    taken += part.length
  })
  request.on('end', () => {
    const body = request.method === 'PUT' ? `${taken}` : request.url === '/page' ? page : 'ok'
    response.writeHead(200, {
      'content-length': Buffer.byteLength(body),
      ...(isLeaving ? { connection: 'close' } : {}),
    })
    response.end(body)
  })
})
server.listen(Number(process.env.PORT), '127.0.0.1')

// As a well-behaved server does: nothing new, what is under way to its end.
process.on('SIGTERM', () => {
  isLeaving = true
  server.close(() => process.exit(0))
})
