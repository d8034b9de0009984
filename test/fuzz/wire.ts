// What else comes in as bytes: PROXY headers, TLS hellos, frames of jute, lines of JSON.

import { Fault } from '../../src/foundation/fault.ts'
import { Writer } from '../../src/wire/jute/archive.ts'
import { frameSplitter, readReply, readRequest, writeRequest } from '../../src/wire/jute/frames.ts'
import { type OperationName, operations } from '../../src/wire/jute/messages.ts'
import { encodeLine, lineDecoder } from '../../src/wire/lines.ts'
import { proxyHeader, readProxyHeader } from '../../src/wire/proxy/proxy-header.ts'
import { readClientHello } from '../../src/wire/tls/client-hello.ts'
import { cuts, pieces, promise, same, type Target } from './target.ts'

/** What `run` returns, or the code of the Fault it throws; nothing else may be thrown. */
export function orFault<Value>(run: () => Value): Value | string {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof Fault) return `fault ${thrown.code}`
    throw thrown
  }
}

const ends = {
  from: { host: '192.0.2.1', port: 4711 },
  to: { host: '192.0.2.2', port: 443 },
}
const ends6 = {
  from: { host: '2001:db8::1', port: 1 },
  to: { host: '::1', port: 65_535 },
}

const proxy: Target = {
  name: 'proxy-header',
  seeds: [
    ...[proxyHeader('v1', ends), proxyHeader('v2', ends), proxyHeader('v1', ends6)],
    ...[proxyHeader('v2', ends6), proxyHeader('v1', undefined), proxyHeader('v2', undefined)],
  ],
  words: ['PROXY ', 'TCP4 ', 'TCP6 ', 'UNKNOWN', ' 0', ' 65536', '::', '\x21', '\x11', '\0\x0c'],
  share: 1,
  check(input, random) {
    const whole = readProxyHeader(input, input.length)
    const longer = Buffer.concat([input, Buffer.from('\r\n 1 1\r\n')])
    same(readProxyHeader(longer, input.length), whole, 'bytes beyond the end count')
    for (const cut of cuts(input.length, random)) {
      const beginning = readProxyHeader(input, cut)
      if (beginning.kind !== 'incomplete') same(beginning, whole, `cut at ${cut}`)
    }
    if (whole.kind !== 'read') return whole.kind === 'bad' ? whole.why : whole.kind
    promise(whole.end <= input.length, 'it ends beyond the end')
    if (whole.ends === undefined) return 'read'
    for (const version of ['v1', 'v2'] as const) {
      const written = Buffer.from(proxyHeader(version, whole.ends), 'latin1')
      const again = readProxyHeader(written, written.length)
      promise(again.kind === 'read', `written as ${version} it is not read again`)
    }
    return `read ${whole.ends.from.host.includes(':')}`
  },
}

/** A vector of TLS: its length in `size` bytes, and itself. */
const vector = (size: number, body: string): string => {
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return length.toString('latin1') + body
}

const hello = (extensions: string): string => {
  const body = `\x03\x03${'r'.repeat(32)}${vector(1, '')}${vector(2, '\x13\x01')}${vector(1, '\0')}`
  return `\x16\x03\x01${vector(2, `\x01${vector(3, body + vector(2, extensions))}`)}`
}

const name = `\0\0${vector(2, vector(2, `\0${vector(2, 'Shop.example')}`))}`
const protocols = `\0\x10${vector(2, vector(2, vector(1, 'h2') + vector(1, 'http/1.1')))}`

const clientHello: Target = {
  name: 'client-hello',
  seeds: [hello(''), hello(name), hello(name + protocols)],
  words: ['\x16\x03\x01', '\x01\0\0', '\0\0', '\0\x10', '\0\x05', '\x02h2', '\x13\x01'],
  share: 1,
  check(input, random) {
    const whole = readClientHello(input)
    for (const cut of cuts(input.length, random)) {
      const beginning = readClientHello(input.subarray(0, cut))
      if (beginning.kind !== 'incomplete') same(beginning, whole, `cut at ${cut}`)
    }
    return whole.kind === 'other' ? whole.why : whole.kind
  },
}

const readAll = (parts: readonly Buffer[]): readonly unknown[] => {
  const splitter = frameSplitter(2048)
  const seen: unknown[] = []
  const end = orFault(() => {
    for (const part of parts) {
      splitter.push(part, (frame) => seen.push(orFault(() => readRequest(frame))))
      promise(splitter.held <= 2052, 'it holds more than a frame')
    }
    return 'end'
  })
  return [...seen, end]
}

function frame(name: OperationName, request: unknown): string {
  const writer = new Writer()
  writeRequest(writer, 7, name, request as never)
  return writer.take().toString('latin1')
}

const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const created = { path: '/a/b', data: Buffer.from('x'), acl, flags: 0 }

const juteSeeds = [
  frame('create', created),
  frame('getData', { path: '/a', watch: true }),
  frame('setData', { path: '/a', data: null, version: -1 }),
  frame('ping', {}),
  frame('getChildren2', { path: '/', watch: false }) + frame('exists', { path: '/x', watch: true }),
]

const jute: Target = {
  name: 'jute-requests',
  seeds: juteSeeds,
  words: [...juteSeeds, '\0\0\0\x01', '\xff\xff\xff\xff', '\0\0\0\x0e', '/a', '\0\0\0\x0f'],
  share: 1,
  check(input, random) {
    const whole = readAll([input])
    same(readAll(pieces(input, cuts(input.length, random))), whole, 'it matters where it is cut')
    return whole
      .map((seen) => (typeof seen === 'string' ? seen : (seen as { name?: string }).name))
      .join(' ')
      .slice(0, 80)
  },
}

const responses = Object.values(operations).map(({ response }) => response)

const juteReplies: Target = {
  name: 'jute-replies',
  seeds: juteSeeds.map((seed) => seed.slice(4)),
  words: ['\0\0\0\x01', '\xff\xff\xff\xff', '\xff\xff\xff\xfe', '\0\0\0\0', '/a'],
  share: 1,
  check(input, random) {
    const splitter = frameSplitter(2048)
    const layout = responses[Math.floor(random.next() * responses.length)]
    const framed = Buffer.alloc(4 + input.length)
    framed.writeInt32BE(input.length)
    input.copy(framed, 4)
    let outcome = 'none'
    const end = orFault(() => {
      splitter.push(framed, (reader) => {
        const reply = orFault(() => readReply(reader))
        if (typeof reply === 'string') outcome = reply
        else if (reply.kind === 'event') outcome = 'event'
        else outcome = typeof orFault(() => layout?.read(reader))
      })
      return 'end'
    })
    return `${String(end)} ${outcome}`
  },
}

const decoded = (parts: readonly string[]): readonly unknown[] => {
  const decode = lineDecoder()
  const values: unknown[] = []
  const end = orFault(() => {
    for (const part of parts) values.push(...decode(part))
    return 'end'
  })
  return [end === 'end' ? values : [], end]
}

const lines: Target = {
  name: 'lines',
  seeds: [
    encodeLine({ kind: 'hello', edge: 1, version: '0.1.0' }),
    encodeLine([1, null, 'a\nb', { a: { b: [] } }]) + encodeLine(''),
  ],
  words: ['{', '}', '[', ']', '\n', '"', '\\u0000', 'null', '1e999', '\n\n', '{}', ','],
  share: 1,
  check(input, random) {
    const text = input.toString('latin1')
    const whole = decoded([text])
    const parts = pieces(input, cuts(input.length, random)).map((part) => part.toString('latin1'))
    same(decoded(parts), whole, 'it matters where it is cut')
    const [values] = whole as [readonly unknown[]]
    same(decoded([values.map(encodeLine).join('')])[0], values, 'what was read is not read again')
    return `${String(whole[1])} ${values.length > 1}`
  },
}

/** See the first line. */
export const wireTargets: readonly Target[] = [proxy, clientHello, jute, juteReplies, lines]
