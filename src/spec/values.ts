// What does a single text of the file mean? Lengths of time, sizes, addresses, statuses, names.
// Where the text stood is not known here.

import * as net from 'node:net'
import { parseNetwork } from '../foundation/addresses.ts'
import { type Milliseconds, ms, parseDuration } from '../foundation/time.ts'

/** A text that was understood, or why not, and what to write instead. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why?: string; readonly remedy?: string }

/** An address with its port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Statuses from `least` to `most`, both included. */
export type StatusRange = readonly [least: number, most: number]

/**
 * The shape of each kind of text, for the JSON Schema. A reader below takes nothing that its
 * pattern refuses, but may refuse more (`10.0.0.1:70000`).
 */
export const patterns = {
  duration: /^\d+(\.\d+)?(ms|s|m|h|d)$/,
  size: /^\d+(\.\d+)?(B|kB|KB|MB|GB|KiB|MiB|GiB)$/,
  bind: /^(\*|[0-9.]+|\[[0-9A-Fa-f:.]+\]|localhost)?:\d{1,5}$/,
  address: /^([A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/,
  host: /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$|^\[[0-9A-Fa-f:.]+\]$/,
  headerName: /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/,
  fieldValue: /^([!-~][ -~\t]*[!-~]|[!-~])?$/,
  rate: /^\d{1,7}(\.\d{1,3})?\/(s|m|h)$/,
  percent: /^\d{1,3}(\.\d{1,2})?%$/,
  network: /^([0-9.]+|[0-9A-Fa-f:.]+)(\/\d{1,3})?$/,
  path: /^\/[!"$-)+->@-~]*$/,
  checkPath: /^\/[!-"$-~]*$/,
  checkHost: /^[A-Za-z0-9._:[\]${}-]+$/,
  agentHost: /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$|^[0-9A-Fa-f:.]+$/,
  fieldName: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  grpcService: /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/,
  pattern: /^[^\r\n]{1,1024}$/,
  statuses: /^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)(,([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?))*$/,
  name: /^[a-z][a-z0-9_-]{0,39}$/,
  serverName: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  environmentName: /^[A-Za-z_][A-Za-z0-9_]*$/,
  hosts: /^[A-Za-z0-9_.:[\]-]+( *, *[A-Za-z0-9_.:[\]-]+)*$/,
  nodePath: /^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/,
} as const

const good = <T>(value: T): Reading<T> => ({ ok: true, value })
const bad = (remedy?: string, why?: string): Reading<never> => ({
  ok: false,
  ...(remedy === undefined ? {} : { remedy }),
  ...(why === undefined ? {} : { why }),
})

/**
 * Asked only of what has two colons: the first question costs as much as reading a whole file,
 * since Node's own pattern for it is large.
 */
const isIPv6 = (text: string): boolean => /:.*:/.test(text) && net.isIPv6(text)

const unitNames: Readonly<Record<string, string>> = {
  msec: 'ms',
  millisecond: 'ms',
  sec: 's',
  second: 's',
  min: 'm',
  minute: 'm',
  hr: 'h',
  hour: 'h',
  day: 'd',
}

/** Reads `250ms`, `1.5s`, `2m`, `1h`, `1d`. */
export function readDuration(text: string): Reading<Milliseconds> {
  const value = parseDuration(text)
  if (value !== undefined) return Number.isSafeInteger(Math.round(value)) ? good(ms(value)) : bad()
  if (/^\d+(\.\d+)?$/.test(text)) return bad(`add the unit: \`${text}s\` or \`${text}ms\``)
  const spoken = /^(\d+)(?:[.,](\d+))? *([a-z]+?)s?$/i.exec(text)
  const word = spoken?.[3]?.toLowerCase() ?? ''
  const unit = unitNames[word] ?? (/^(ms?|s|h|d)$/.test(word) ? word : undefined)
  if (spoken === null || unit === undefined) return bad()
  const decimals = spoken[2] === undefined ? '' : `.${spoken[2]}`
  const exact = /^\d+ *s$/i.test(text) ? 's' : unit
  return bad(`write \`${spoken[1]}${decimals}${exact}\``)
}

const sizes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

/** Reads `512KiB`, `10MB`, as bytes. */
export function readSize(text: string): Reading<number> {
  const match = /^(\d+(?:\.\d+)?) *([A-Za-z]*)$/.exec(text)
  if (match === null) return bad()
  const [, digits = '', unit = ''] = match
  const factor = sizes[unit]
  if (factor !== undefined && !text.includes(' ')) return good(Math.round(Number(digits) * factor))
  if (unit === '') return bad(`add the unit: \`${digits}KiB\` or \`${digits}MiB\``)
  const first = unit[0]?.toUpperCase() ?? ''
  return 'KMG'.includes(first) ? bad(`write \`${digits}${first}iB\``) : bad()
}

function readPort(text: string): Reading<number> {
  const port = Number(text)
  return Number.isInteger(port) && port >= 1 && port <= 65_535
    ? good(port)
    : bad('ports go from 1 to 65535')
}

/** `[::1]` and `10.0.0.1` without their brackets; `undefined` if it is no address. */
function readIp(text: string): string | undefined {
  if (text.startsWith('[')) {
    const inner = text.slice(1, -1)
    return isIPv6(inner) ? inner : undefined
  }
  return net.isIPv4(text) ? text : undefined
}

/** Reads where to listen: `:80` and `*:80` are every IPv4 address, `[::]:80` every address. */
export function readBind(text: string): Reading<Address> {
  if (/^\d+$/.test(text)) {
    return bad(`write \`":${text}"\` for every address of this machine, or \`127.0.0.1:${text}\``)
  }
  if (/^[a-z]+:\/\//i.test(text)) return bad('leave out the scheme: an address and a port')
  if (text.startsWith('/') || text.startsWith('unix@')) {
    return bad('only addresses with a port can be listened on, not socket files')
  }
  const at = text.lastIndexOf(':')
  if (at < 0 || isIPv6(text)) {
    return bad(isIPv6(text) ? `write \`"[${text}]:80"\`` : `add the port: \`${text}:80\``)
  }
  const port = readPort(text.slice(at + 1))
  if (!port.ok) return port
  const host = text.slice(0, at)
  if (host === '' || host === '*') return good({ host: '0.0.0.0', port: port.value })
  if (host === 'localhost') return good({ host: '127.0.0.1', port: port.value })
  const ip = readIp(host)
  if (ip !== undefined) return good({ host: ip, port: port.value })
  return bad('name an address of this machine as numbers, such as `10.0.0.5:80`, not a name')
}

/** Reads where a server is: a name or an address, and a port. */
export function readAddress(text: string): Reading<Address> {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/([^/]*)/i.exec(text)
  if (scheme !== null) return bad(`leave out the scheme and the path: \`${scheme[1]}\``)
  if (isIPv6(text)) return bad(`write \`"[${text}]:80"\``)
  const at = text.lastIndexOf(':')
  if (at < 0) {
    return bad(
      /^\d+$/.test(text) ? 'name the host too: `127.0.0.1:PORT`' : `add the port: \`${text}:80\``,
    )
  }
  const [host, digits] = [text.slice(0, at), text.slice(at + 1)]
  if (host === '') return bad(`name the host too: \`127.0.0.1:${digits}\``)
  const port = readPort(digits)
  if (!port.ok) return port
  if (!patterns.address.test(text)) return bad()
  const looksNumeric = host.startsWith('[') || /^[0-9.]+$/.test(host)
  const ip = readIp(host)
  if (looksNumeric && ip === undefined) return bad(undefined, `\`${host}\` is no IP address`)
  return good({ host: ip ?? host.toLowerCase(), port: port.value })
}

/** Reads `zk1:2181,zk2`: a server without a port listens at ZooKeeper's own. */
export function readHosts(text: string): Reading<readonly Address[]> {
  const slash = text.indexOf('/')
  if (slash >= 0 && !text.includes('://')) {
    return bad(`write the node after the slash apart: \`chroot: ${text.slice(slash)}\``)
  }
  const servers: Address[] = []
  for (const one of text.split(/ *, */)) {
    const server = readAddress(/:\d+$/.test(one) ? one : `${one}:2181`)
    if (!server.ok) return server
    servers.push(server.value)
  }
  return good(servers)
}

/** Reads the host of a route, in lower case; `*.shop.example` stands for every name below it. */
export function readHost(text: string): Reading<string> {
  if (patterns.host.test(text)) return good(text.toLowerCase())
  if (/^[a-z]+:\/\//i.test(text)) return bad('leave out the scheme and the path: only the host')
  if (/:\d+$/.test(text)) return bad('leave out the port: it is not part of a host')
  if (text === '*') return bad('leave `host` out: then any host matches')
  if (text.includes('*')) return bad('only the first label can be a star: `"*.shop.example"`')
  return bad()
}

/** Fields that frame a message or belong to one connection: they are ours to say. */
const framing = [
  ...[
    'connection',
    'content-length',
    'transfer-encoding',
    'keep-alive',
    'te',
    'trailer',
    'upgrade',
  ],
  ...['proxy-connection', 'expect'],
]

/** Reads the name of a field or a cookie. */
export function readHeaderName(text: string): Reading<string> {
  if (framing.includes(text.toLowerCase()))
    return bad(undefined, 'it frames messages, and is not to be touched')
  return patterns.headerName.test(text) ? good(text) : bad()
}

/** Reads `5%`, `0.25%`. */
export function readPercent(text: string): Reading<string> {
  if (!patterns.percent.test(text)) {
    return bad(/^\d+(\.\d+)?$/.test(text) ? `write \`${text}%\`` : undefined)
  }
  return Number(text.slice(0, -1)) <= 100 ? good(text) : bad('100% is all')
}

/** Reads a network: `10.0.0.0/8`, `fd00::/8`, or one address. */
export function readNetwork(text: string): Reading<string> {
  if (parseNetwork(text) !== undefined) return good(text)
  if (text === '*' || text === 'all') return bad('write `0.0.0.0/0` and `"::/0"` for everybody')
  if (/^[a-z]/i.test(text) && !text.includes(':')) return bad('names are not looked up here')
  return bad()
}

/** Reads the path of a route: a prefix of whole segments, without a slash at its end. */
export function readPath(text: string): Reading<string> {
  if (patterns.path.test(text))
    return good(text.length > 1 ? text.replace(/\/+$/, '') || '/' : text)
  const stem = /^(\/[!"$-)+->@-~]*?)\/?\*+$/.exec(text)?.[1]
  if (stem !== undefined) {
    return bad(`leave out the star: \`${stem === '' ? '/' : stem}\` takes everything below it`)
  }
  if (/[?#]/.test(text))
    return bad('a route looks at the path only, not at what follows `?` or `#`')
  if (/^[^/\s]+$/.test(text) && !text.includes('*')) return bad(`begin with a slash: \`/${text}\``)
  return bad()
}

/** Reads what a check asks for: a path, and perhaps a query. */
export function readCheckPath(text: string): Reading<string> {
  if (patterns.checkPath.test(text)) return good(text)
  if (/^[a-z]+:\/\//i.test(text)) return bad('name the path only: the replica’s address is known')
  if (/^[A-Z]+ \//.test(text)) {
    return bad('write the method apart: `{ http: /health, method: HEAD }`')
  }
  return /^[!-~]+$/.test(text) && !text.includes('#')
    ? bad(`begin with a slash: \`/${text}\``)
    : bad()
}

/** Reads `200`, `200-399`, `2xx,401`. */
export function readStatuses(text: string): Reading<readonly StatusRange[]> {
  const compact = text.replace(/ /g, '').toLowerCase()
  if (!patterns.statuses.test(compact)) return bad()
  const ranges = compact.split(',').map((part): StatusRange => {
    if (part.endsWith('xx')) return [Number(part[0]) * 100, Number(part[0]) * 100 + 99]
    const [least = '', most = least] = part.split('-')
    return [Number(least), Number(most)]
  })
  if (compact !== text) return bad(`write \`${compact}\``)
  const backwards = ranges.find(([least, most]) => least > most)
  return backwards === undefined
    ? good(ranges)
    : bad(`put the lower status first: \`${backwards[1]}-${backwards[0]}\``)
}

/** Reads a regular expression, in JavaScript's notation. */
export function readPattern(text: string): Reading<string> {
  if (!patterns.pattern.test(text)) return bad()
  try {
    return good(new RegExp(text).source && text)
  } catch (thrown) {
    return bad(undefined, (thrown as Error).message.replace(/^Invalid regular expression: /, ''))
  }
}

/** Fields that the framing of a request depends on, and those that the check itself writes. */
const reservedFields = ['connection', 'content-length', 'transfer-encoding', 'host', 'upgrade']

function readFieldName(text: string): Reading<string> {
  if (!patterns.fieldName.test(text)) return bad()
  if (text.toLowerCase() === 'host') return bad('write it as `host` beside `http`')
  return reservedFields.includes(text.toLowerCase())
    ? bad('leave it out: the check itself writes it')
    : good(text)
}

const reader =
  (kind: keyof typeof patterns, remedy?: (text: string) => string | undefined) =>
  (text: string): Reading<string> =>
    patterns[kind].test(text) ? good(text) : bad(remedy?.(text))

const plainName = (text: string): string | undefined => {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
  return plain === '' ? undefined : `write \`${plain}\``
}

/** How each kind of text is read. */
export const readers: Readonly<Record<string, (text: string) => Reading<unknown>>> = {
  duration: readDuration,
  size: readSize,
  bind: readBind,
  address: readAddress,
  host: readHost,
  path: readPath,
  network: readNetwork,
  headerName: readHeaderName,
  fieldValue: reader('fieldValue'),
  rate: (text) => (/^0+(\.0+)?\//.test(text) ? bad('write more than none') : reader('rate')(text)),
  percent: readPercent,
  checkPath: readCheckPath,
  checkHost: reader('checkHost'),
  agentHost: reader('agentHost'),
  fieldName: readFieldName,
  grpcService: (text) =>
    text.length > 127 ? bad('127 characters are the most') : reader('grpcService')(text),
  pattern: readPattern,
  statuses: readStatuses,
  name: reader('name', plainName),
  serverName: reader('serverName', plainName),
  environmentName: reader('environmentName'),
  hosts: readHosts,
  nodePath: reader('nodePath', (text) =>
    /^[^/\s]+$/.test(text) ? `begin with a slash: \`/${text}\`` : undefined,
  ),
}
