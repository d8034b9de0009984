// The servers that are checked: thousands of addresses of one process, which remembers when each
// was asked. Its argument tells how many; it tells its parent the times when it is asked for them.

import { createServer, type Socket } from 'node:net'
import { addressOf } from './addresses.ts'

const count = Number(process.argv[2])
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'
/** When each address was connected to, in milliseconds. */
const asked: number[][] = Array.from({ length: count }, () => [])

function serve(socket: Socket): void {
  socket.on('error', () => undefined)
  socket.once('data', () => socket.end(answer))
}

let listening = 0
for (let index = 0; index < count; index += 1) {
  const { host, port } = addressOf(index)
  const server = createServer((socket) => {
    asked[index]?.push(performance.now())
    serve(socket)
  })
  server.listen(port, host, () => {
    listening += 1
    if (listening === count) process.send?.('listening')
  })
}

process.on('message', (word) => {
  if (word === 'forget') for (const times of asked) times.length = 0
  if (word === 'tell') process.send?.(asked)
})
process.on('disconnect', () => process.exit(0))
