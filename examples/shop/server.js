// A small web shop on plain Node.js, of which any number of replicas may run. What a visitor has
// in the cart is in the visitor's cookie, what was ordered in a database: no replica is special.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { changeCart, formatCart, parseCart } from './catalogue.js'
import { keptOrders, placeOrder } from './orders.js'
import { notePage, orderPage, shopPage } from './page.js'

const port = Number(process.env.PORT ?? 3000)
const replica = { name: process.env.ALWAYSON_REPLICA ?? `shop on port ${port}`, pid: process.pid }
const bodyBytesMost = 10_000
let closing = false

const file = (name) => readFileSync(join(import.meta.dirname, 'public', name))
const assets = {
  '/shop.css': { type: 'text/css', body: file('shop.css') },
  '/answers.js': { type: 'text/javascript', body: file('answers.js') },
}

function send(response, status, type, body, headers = {}) {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'self'; img-src data:; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-replica': replica.name,
    ...(closing ? { connection: 'close' } : {}),
    ...headers,
  })
  response.end(body)
}

const sendPage = (response, status, html, headers) =>
  send(response, status, 'text/html', html, headers)

const sendJson = (response, status, value, headers) =>
  send(response, status, 'application/json', `${JSON.stringify(value)}\n`, headers)

const wantsPage = (request) => request.headers.accept?.includes('text/html') === true

/** Says what went wrong, to a person or to a program. */
function refuse(request, response, status, title, text) {
  if (wantsPage(request)) sendPage(response, status, notePage(title, text, replica))
  else sendJson(response, status, { error: text })
}

/** The fields of a form; `undefined` when there is more of it than the shop reads. */
async function readForm(request) {
  let text = ''
  for await (const chunk of request.setEncoding('latin1')) {
    text += chunk
    if (text.length > bodyBytesMost) return undefined
  }
  return new URLSearchParams(text)
}

const cartOf = (request) =>
  parseCart(/(?:^|; )cart=([^;]*)/.exec(request.headers.cookie ?? '')?.[1])

const cartCookie = (cart) => `cart=${formatCart(cart)}; Path=/; HttpOnly; SameSite=Lax`

function change(request, response, form) {
  const by = form.get('change') === '-1' ? -1 : 1
  const cart = changeCart(cartOf(request), form.get('item'), by)
  const headers = { location: '/', 'set-cookie': cartCookie(cart) }
  send(response, 303, 'text/plain', '', headers)
}

async function order(request, response, form) {
  const named = form.getAll('item')
  const cart =
    named.length > 0
      ? named.reduce((sum, id) => changeCart(sum, id, 1), new Map())
      : cartOf(request)
  const key = request.headers['idempotency-key'] ?? form.get('key')
  if (!key) {
    return refuse(request, response, 400, 'No key', 'an order needs an Idempotency-Key header')
  }
  if (cart.size === 0) {
    return refuse(request, response, 400, 'Nothing to order', 'the cart is empty')
  }
  const result = await placeOrder(key, cart)
  if (result.kind === 'conflict') {
    return refuse(request, response, 422, 'Used before', 'this key has placed another order')
  }
  const status = result.kind === 'placed' ? 201 : 200
  if (wantsPage(request)) {
    const headers = { 'set-cookie': cartCookie(new Map()) }
    sendPage(response, status, orderPage(result, replica), headers)
  } else {
    sendJson(response, status, { kind: result.kind, ...result.order })
  }
}

/** What is answered, by method and path; a POST is handed its form. */
const routes = {
  'GET /': (request, response) => sendPage(response, 200, shopPage(cartOf(request), replica)),
  'GET /whoami': (_, response) => sendJson(response, 200, replica),
  'GET /orders': async (_, response) => sendJson(response, 200, await keptOrders()),
  'GET /health': (_, response) => send(response, closing ? 503 : 200, 'text/plain', 'well\n'),
  'POST /cart': change,
  'POST /orders': order,
}

async function answer(request, response) {
  const pathname = request.url.split('?', 1)[0]
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const asset = method === 'GET' ? assets[pathname] : undefined
  if (asset !== undefined) return send(response, 200, asset.type, asset.body)
  const route = routes[`${method} ${pathname}`]
  if (route === undefined) {
    return refuse(request, response, 404, 'Not here', `there is no ${method} ${pathname}`)
  }
  const form = method === 'POST' ? await readForm(request) : undefined
  if (method === 'POST' && form === undefined) {
    return refuse(request, response, 413, 'Too much', `more than ${bodyBytesMost} bytes`)
  }
  await route(request, response, form)
}

const server = createServer((request, response) => {
  answer(request, response).catch((thrown) => {
    console.error(thrown)
    if (!response.headersSent) {
      refuse(request, response, 500, 'Our fault', 'something went wrong')
    } else response.destroy()
  })
})
server.listen(port, '127.0.0.1', () => console.log(`${replica.name} listens on port ${port}`))

// Told to stop: nothing new, and what is under way to its end.
process.on('SIGTERM', () => {
  closing = true
  server.close(() => process.exit(0))
})
