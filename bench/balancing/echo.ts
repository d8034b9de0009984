// An origin for WebSockets: takes the upgrade, and sends back every byte. PORT…

import { createServer } from 'node:http'

/** For the key of RFC 6455 1.3, which our clients send; HAProxy checks it. */
const head = [
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
]

for (const port of process.argv.slice(2)) {
  const server = createServer((_incoming, response) => response.end('hello from one\n'))
  server.on('upgrade', (_incoming, socket) => {
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    socket.on('data', (chunk) => socket.write(chunk))
    socket.on('error', () => socket.destroy())
  })
  server.listen(Number(port), '127.0.0.1')
}
