// A proxy from npm, run as a process as its README has it: FOLDER (where it is installed), NAME,
// its own PORT and the ports of the two servers behind it.

import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [folder = '', name = '', port = '', ...targets] = process.argv.slice(2)
const require = createRequire(join(folder, 'package.json'))

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void

let turn = 0
const target = (): string => {
  turn = (turn + 1) % targets.length
  return `http://127.0.0.1:${targets[turn]}`
}

function httpProxy(): Handler {
  const { createProxyServer } = require('http-proxy') as {
    createProxyServer(options: object): {
      web(incoming: IncomingMessage, response: ServerResponse, options: object): void
      on(event: 'error', listen: (cause: Error, _: unknown, response: ServerResponse) => void): void
    }
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const proxy = createProxyServer({ agent, xfwd: true })
  proxy.on('error', (_cause, _incoming, response) => response.writeHead(502).end())
  return (incoming, response) => proxy.web(incoming, response, { target: target() })
}

function fastProxy(): Handler {
  const open = require('fast-proxy') as (options: object) => {
    proxy(incoming: IncomingMessage, response: ServerResponse, url: string, options: object): void
  }
  const { proxy } = open({ cacheURLs: 0 })
  return (incoming, response) => proxy(incoming, response, `${target()}${incoming.url ?? '/'}`, {})
}

const handlers: Readonly<Record<string, () => Handler>> = {
  'http-proxy': httpProxy,
  'fast-proxy': fastProxy,
}
const open = handlers[name]
if (open === undefined) throw new Error(`${name} is none of ${Object.keys(handlers).join(', ')}`)
createServer(open()).listen(Number(port), '127.0.0.1')
