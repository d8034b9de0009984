// Asks real servers on loopback: the promises of the port, and what only sockets can do wrong.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { suite, test } from 'node:test'
import {
  type Behaviour,
  type ProberWorld,
  proberConformance,
} from '../../../test/conformance/prober.ts'
import { ms, openClock } from '../../foundation/time.ts'
import type { BodyCheck, Check, Sighting } from '../model.ts'
import { openHeldSockets } from './held-socket.ts'
import { openProber } from './prober.ts'
import { openRawAsker } from './raw.ts'

/** Real servers on free ports; `sockets` are those that were accepted. */
async function openWorld(raw = openRawAsker()): Promise<ProberWorld & { listen: typeof listen }> {
  const prober = openProber(openClock(), raw)
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const listen = async (accept: (socket: Socket) => void) => {
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      accept(socket)
    })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  }
  return {
    prober,
    listen,
    async serve(behaviour: Behaviour) {
      if (behaviour.kind !== 'refuses') return listen((socket) => behave(behaviour, socket))
      const address = await listen(() => {})
      const server = servers.pop()!
      server.close()
      await once(server, 'close')
      return address
    },
    async until(done) {
      const deadline = performance.now() + 30_000
      while (!done()) {
        assert.ok(performance.now() < deadline, 'nothing was seen within 30 s')
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
    async [Symbol.asyncDispose]() {
      prober[Symbol.dispose]()
      for (const socket of sockets) socket.destroy()
      for (const server of servers) server.close()
    },
  }
}

function behave(behaviour: Exclude<Behaviour, { kind: 'refuses' }>, socket: Socket): void {
  if (behaviour.kind === 'hangs') socket.resume()
  else if (behaviour.kind === 'closes') socket.end()
  else {
    socket.once('data', () => {
      socket.end(`HTTP/1.1 ${behaviour.status} Status\r\nContent-Length: 2\r\n\r\nok`)
    })
  }
}

proberConformance('the prober of real servers', openWorld)
proberConformance('the same over public sockets', () => openWorld(() => undefined))

const check: Check = {
  ...{ kind: 'http', method: 'GET', path: '/up?deep=1', host: 'shop.example' },
  ...{ expect: [[200, 200]], every: ms(1000), fast: ms(100), timeout: ms(5000), rise: 1, fall: 1 },
}

async function ask(
  accept: (socket: Socket) => void,
  how: Partial<Extract<Check, { kind: 'http' }>> = {},
  until: Promise<unknown> = Promise.resolve(),
): Promise<Sighting> {
  await using world = await openWorld()
  const address = await world.listen(accept)
  const seen: Sighting[] = []
  const target = { id: 'a', service: 'web', incarnation: '', ...address }
  world.prober.probe({ ...target, check: { ...check, ...how } as Check }, (s) => seen.push(s))
  await world.until(() => seen.length > 0)
  await until
  return seen[0]!
}

const answer =
  (...chunks: readonly string[]) =>
  (socket: Socket): void => {
    socket.once('data', async () => {
      for (const chunk of chunks) {
        socket.write(chunk)
        await new Promise(setImmediate)
      }
    })
  }

const reasonOf = (sighting: Sighting): string =>
  sighting.kind === 'passed' ? 'passed' : sighting.reason

suite('a real HTTP check', () => {
  test('sends the method, the path and the host of the file', async () => {
    let request = ''
    await ask((socket) => {
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        request += chunk
        if (request.endsWith('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\n\r\n')
      })
    })
    assert.match(request, /^GET \/up\?deep=1 HTTP\/1\.1\r\nHost: shop\.example\r\n/)
    assert.match(request, /\r\nConnection: close\r\n/)
  })

  test('sends the address where the file names no host', async () => {
    let request = ''
    let port = 0
    await ask(
      (socket) => {
        port = socket.localPort!
        socket.setEncoding('latin1').on('data', (chunk: string) => {
          request += chunk
          if (request.endsWith('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\n\r\n')
        })
      },
      { host: undefined },
    )
    assert.ok(request.includes(`\r\nHost: 127.0.0.1:${port}\r\n`), request)
  })

  test('reads an answer that comes byte by byte, after interim ones', async () => {
    const bytes = [...'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n']
    assert.equal(reasonOf(await ask(answer(...bytes))), 'passed')
  })

  test('is answered by the head: a body without end does not hold it up', async () => {
    const body = `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1000)}`
    const sighting = await ask(answer(body))
    assert.equal(sighting.kind, 'passed')
  })

  test('lets go of a server that keeps its connection open after its answer', async () => {
    for (const length of ['Content-Length: 2\r\n', 'Content-Length: 9\r\n', '']) {
      const gone = Promise.withResolvers<void>()
      const sighting = await ask(
        (socket) => {
          socket.once('close', () => gone.resolve())
          socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${length}\r\nok`))
        },
        { timeout: ms(200) },
        gone.promise,
      )
      assert.equal(sighting.kind, 'passed')
    }
  })

  test('stops reading a body without end', async () => {
    const reset = Promise.withResolvers<void>()
    await using world = await openWorld()
    const address = await world.listen((socket) => {
      socket.once('close', () => reset.resolve())
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const more = (): void => {
          while (!socket.destroyed && socket.write('x'.repeat(16_384)));
        }
        socket.on('drain', more)
        more()
      })
    })
    const target = { id: 'a', service: 'web', incarnation: '', check, ...address }
    world.prober.probe(target, () => {})
    await reset.promise
  })

  const body = async (text: string, body: BodyCheck): Promise<string> =>
    reasonOf(await ask((socket) => socket.once('data', () => socket.end(text)), { body }))
  const nothing = { contains: undefined, lacks: undefined, matches: undefined }
  const ok = 'HTTP/1.1 200 OK\r\n'

  test('looks at the body for what the file asks', async () => {
    const answer = `${ok}Content-Length: 9\r\n\r\nready: 7!`
    assert.equal(await body(answer, { ...nothing, contains: 'ready' }), 'passed')
    assert.equal(await body(answer, { ...nothing, matches: '^ready: \\d+' }), 'passed')
    assert.equal(await body(answer, { ...nothing, lacks: 'error' }), 'passed')
    const contains = await body(answer, { ...nothing, contains: 'steady' })
    assert.equal(contains, 'its body does not contain "steady"')
    assert.equal(await body(answer, { ...nothing, lacks: '7' }), 'its body contains "7"')
    const matches = await body(answer, { ...nothing, matches: '^\\d' })
    assert.equal(matches, 'its body does not match /^\\d/')
  })

  test('looks at a body without its chunks', async () => {
    const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`
    const contains = { ...nothing, contains: 'ready' }
    assert.equal(await body(`${chunked}3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n`, contains), 'passed')
    const malformed = await body(`${chunked}zz\r\nready\r\n`, contains)
    assert.equal(malformed, 'its body has a malformed chunk')
  })

  test('looks at the beginning of a body without end', async () => {
    const endless = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write(`${ok}\r\nready`)
        const more = (): void => {
          while (!socket.destroyed && socket.write('x'.repeat(16_384)));
        }
        socket.on('drain', more)
        more()
      })
    }
    const asked = { ...nothing, contains: 'ready' }
    assert.equal(reasonOf(await ask(endless, { body: asked })), 'passed')
    const lacking = { ...nothing, contains: 'steady' }
    assert.match(reasonOf(await ask(endless, { body: lacking })), /does not contain/)
  })

  test('sends the headers of the file', async () => {
    let request = ''
    const headers = { 'X-Check': 'yes', accept: 'text/plain' }
    const listen = (socket: Socket): void => {
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        request += chunk
        if (request.endsWith('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\n\r\n')
      })
    }
    await ask(listen, { headers })
    assert.match(request, /\r\nX-Check: yes\r\n/)
    assert.match(request, /\r\nAccept: text\/plain\r\n/)
    assert.doesNotMatch(request, /\*\/\*/)
  })

  test('says what came instead of HTTP', async () => {
    const sighting = await ask((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
    assert.match(reasonOf(sighting), /^answered "SSH-2\.0/)
  })

  test('says that the connection was reset', async () => {
    const sighting = await ask((socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    assert.equal(reasonOf(sighting), 'connection reset')
  })

  test('says which statuses were expected', async () => {
    const expect = [
      [200, 299],
      [401, 401],
    ] as const
    const sighting = await ask(answer('HTTP/1.1 302 Found\r\n\r\n'), { expect })
    assert.equal(reasonOf(sighting), 'status 302, expected 200-299 or 401')
  })
})

test('a name that does not resolve is a failure of the server, with the name', async () => {
  await using world = await openWorld()
  const seen: Sighting[] = []
  const address = { host: 'nobody.invalid', port: 80 }
  const target = { id: 'a', service: 'web', incarnation: '', check, ...address }
  world.prober.probe(target, (sighting) => seen.push(sighting))
  await world.until(() => seen.length > 0)
  assert.match(reasonOf(seen[0]!), /^the name nobody\.invalid cannot be resolved$|^no connection/)
})

const tcp: Check = {
  ...{ kind: 'tcp', every: ms(1000), fast: ms(100), timeout: ms(5000), rise: 1, fall: 1 },
}

test('a TCP check leaves no connection behind, at either end', async () => {
  await using world = await openWorld()
  const ended: Promise<unknown>[] = []
  const address = await world.listen((socket) => {
    ended.push(new Promise((resolve) => socket.once('close', resolve)))
    socket.resume()
  })
  const seen: Sighting[] = []
  for (let n = 0; n < 20; n += 1) {
    const target = { id: `a-${n}`, service: 'web', incarnation: '', check: tcp, ...address }
    world.prober.probe(target, (sighting) => seen.push(sighting))
  }
  await world.until(() => seen.length === 20)
  assert.ok(seen.every((sighting) => sighting.kind === 'passed'))
  await Promise.all(ended)
})

const holdsBack = openHeldSockets() !== undefined

test('a TCP check need not wake its server', { skip: !holdsBack }, async () => {
  await using world = await openWorld()
  const accepted: (number | undefined)[] = []
  const address = await world.listen((socket) => {
    accepted.push(socket.remotePort)
    socket.resume()
  })
  const target = { id: 'a', service: 'web', incarnation: '', check: tcp, ...address }
  // The system holds back for 40 ms: on a busy machine some resets come later than that.
  for (let asked = 1; ; asked += 1) {
    const seen: Sighting[] = []
    world.prober.probe(target, (sighting) => seen.push(sighting))
    await world.until(() => seen.length > 0)
    assert.equal(seen[0]?.kind, 'passed')
    // Connections are accepted in the order in which they came: this one is the last.
    const last = connect(address.port, address.host)
    await world.until(() => accepted.includes(last.localPort))
    last.destroy()
    if (accepted.length < 2 * asked) return
    assert.ok(asked < 200, 'every one of them was accepted')
  }
})

test('a prober that was disposed reports nothing more', async () => {
  await using world = await openWorld()
  const accepted = Promise.withResolvers<Socket>()
  const address = await world.listen((socket) => accepted.resolve(socket))
  const prober = openProber(openClock())
  const seen: Sighting[] = []
  const target = { id: 'a', service: 'web', incarnation: '', check, ...address }
  prober.probe(target, (sighting) => seen.push(sighting))
  const socket = await accepted.promise
  const closed = new Promise((resolve) => socket.resume().once('close', resolve))
  prober[Symbol.dispose]()
  await closed
  assert.deepEqual(seen, [])
})
