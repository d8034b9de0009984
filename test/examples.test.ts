// Do the examples do what they show? The shop, asked as its visitors ask it.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePorts } from './engines/waiting.ts'

const shop = join(import.meta.dirname, '..', 'examples', 'shop', 'server.js')
const folder = mkdtempSync(join(tmpdir(), 'alwayson-shop-'))
const children: ChildProcess[] = []

/** Starts a replica and returns its address, once it says that it listens. */
async function openReplica(name: string): Promise<string> {
  const [port] = await freePorts(1)
  const child = spawn(process.execPath, [shop], {
    env: {
      ...process.env,
      PORT: String(port),
      ALWAYSON_REPLICA: name,
      ORDERS: join(folder, 'orders'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const failed = once(child, 'exit').then(([code]) => assert.fail(`${name} exited with ${code}`))
  await Promise.race([once(child.stdout!, 'data'), failed])
  failed.catch(() => {})
  return `http://127.0.0.1:${port}`
}

let replicas: readonly string[] = []

before(async () => {
  replicas = await Promise.all([openReplica('web-1'), openReplica('web-2')])
})

after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const order = (replica: string, key: string, items: string): Promise<Response> =>
  fetch(`${replica}/orders`, {
    method: 'POST',
    headers: { 'idempotency-key': key, 'content-type': 'application/x-www-form-urlencoded' },
    body: items,
  })

test('the shop shows what it sells and who answered', async () => {
  const answer = await fetch(replicas[1]!)
  const text = await answer.text()
  assert.equal(answer.status, 200)
  assert.match(text, /Desk lamp/)
  assert.match(text, /This page came from <b>web-2<\/b>/)
})

test('the shop places an order once, however often and wherever it is asked', async () => {
  const twenty = Array.from({ length: 20 }, (_, index) => replicas[index % 2]!)
  const answers = await Promise.all(twenty.map((replica) => order(replica, 'k1', 'item=lamp')))
  const orders = (await Promise.all(answers.map((answer) => answer.json()))) as {
    readonly number: string
    readonly kind: string
  }[]
  assert.equal(new Set(orders.map(({ number }) => number)).size, 1)
  assert.equal(orders.filter(({ kind }) => kind === 'placed').length, 1)
})

test('the shop says how many orders it keeps, and no primary without a database', async () => {
  const number = async (): Promise<number> => {
    const said = (await (await fetch(`${replicas[0]}/orders`)).json()) as object
    assert.deepEqual(Object.keys(said), ['count'])
    return (said as { readonly count: number }).count
  }
  const before = await number()
  assert.equal((await order(replicas[1]!, 'counted', 'item=bell')).status, 201)
  assert.equal(await number(), before + 1)
})

test('the shop refuses a key that has placed another order, and an order without one', async () => {
  assert.equal((await order(replicas[0]!, 'k2', 'item=tea')).status, 201)
  assert.equal((await order(replicas[1]!, 'k2', 'item=bell')).status, 422)
  const keyless = await fetch(`${replicas[0]}/orders`, { method: 'POST' })
  assert.equal(keyless.status, 400)
})

test('the shop stops when it is told to, and refuses new requests from then on', async () => {
  const replica = await openReplica('web-3')
  const child = children.at(-1)!
  assert.equal((await fetch(`${replica}/health`)).status, 200)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
  await assert.rejects(fetch(`${replica}/health`))
})
