// Where does a frontend listen, and which certificates does it show (configuration manual,
// section 5.1)?

import type { Ledger } from './ledger.ts'
import type { BindAddress, BindTls, Line } from './model.ts'
import { endpointText, readEndpoint, readPorts } from './values.ts'

/** The addresses of a `bind` line, from the word at `first` on. */
export function readBinds(
  line: Line,
  first: number,
  ledger: Ledger,
  crtBase?: string,
): readonly BindAddress[] {
  const [addresses, ...options] = line.words.slice(first)
  if (addresses === undefined || addresses === 'from') return []
  const refuse = (reason: string): readonly BindAddress[] => {
    ledger.drop(line, reason)
    return []
  }
  const tls = options.includes('ssl') ? readBindTls(line, options, crtBase, ledger) : undefined
  if (typeof tls === 'string') return refuse(tls)
  const acceptsProxy = options.includes('accept-proxy')
  const binds = addresses
    .split(/,(?![^$]*\})/)
    .flatMap((address) => readBind({ line, acceptsProxy, tls }, address, ledger))
  if (binds.length > 0) ledger.carry(line)
  dropBindOptions(
    line,
    options.filter((option) => option !== 'accept-proxy' && option !== 'ssl'),
    ledger,
  )
  return binds
}

function readBind(
  common: Omit<BindAddress, 'text'>,
  address: string,
  ledger: Ledger,
): readonly BindAddress[] {
  const drop = (reason: string): readonly BindAddress[] => {
    ledger.drop(common.line, reason, { piece: address })
    return []
  }
  const endpoint = readEndpoint(address)
  if (endpoint === undefined) return drop('only addresses with a port can be listened on')
  const ports = readPorts(endpoint.port ?? '')
  if (ports === undefined) return drop('it names no port, or too many')
  const host = hostToListenOn(endpoint.host, address)
  if (host === undefined) return drop('name an address of this machine as numbers, not a name')
  return ports.map((port) => ({ ...common, text: endpointText(host, port) }))
}

/** The address as our file has it; `undefined` if it is a name. */
function hostToListenOn(host: string, address: string): string | undefined {
  if (host === '' || host === '*') return address.startsWith('ipv6@') ? '::' : ''
  const isAddress = /^[0-9.]+$|^[0-9a-f:.]+$/i.test(host) && /[.:]/.test(host)
  return isAddress || host === 'localhost' || host.includes('${') ? host : undefined
}

const takesValue = new Set([
  ...[
    'name',
    'maxconn',
    'backlog',
    'id',
    'nice',
    'process',
    'thread',
    'mode',
    'user',
    'uid',
    'group',
  ],
  ...['gid', 'interface', 'mss', 'level', 'namespace', 'tcp-ut', 'severity-output', 'alpn', 'npn'],
  ...['proto', 'shards', 'label', 'guid-prefix', 'crt', 'ciphers', 'ca-file', 'verify'],
  ...['ciphersuites', 'curves', 'ecdhe', 'ssl-min-ver', 'ssl-max-ver', 'crl-file'],
])
/** What `readBindTls` has looked at. */
const spoken = new Set(['crt', 'alpn', 'ssl-min-ver', 'verify', 'ca-file'])
const decided: Readonly<Record<string, string>> = {
  transparent: 'foreign addresses are not listened on',
  interface: 'an interface is not chosen: name its address',
  namespace: 'Always On listens in its own namespace',
  proto: 'clients are spoken to in the version that they choose',
  ciphers: 'the ciphers are those of Node.js',
  ciphersuites: 'the ciphers are those of Node.js',
  curves: 'the curves are those of Node.js',
  'ssl-max-ver': 'the newest version is always offered',
  'strict-sni': 'a client that asks for another name gets the first certificate',
  maxconn: 'the limit is the frontend’s',
}

function dropBindOptions(line: Line, options: readonly string[], ledger: Ledger): void {
  for (let at = 0; at < options.length; at += 1) {
    const option = options[at] ?? ''
    const count = takesValue.has(option) ? 2 : 1
    if (spoken.has(option)) {
      at += count - 1
      continue
    }
    const piece = options.slice(at, at + count).join(' ')
    const missed = decided[option]
    const reason = missed ?? 'not needed: it tunes the HAProxy process itself'
    ledger.drop(line, reason, { piece, loss: missed === undefined ? 'nothing' : 'something' })
    at += count - 1
  }
}

/** The value after each such word. */
const valuesOf = (options: readonly string[], word: string): readonly string[] =>
  options.flatMap((option, at) => (options[at - 1] === word ? [option] : []))

/** What `ssl` and the words for it say; or why it cannot be carried over. */
function readBindTls(
  line: Line,
  options: readonly string[],
  crtBase: string | undefined,
  ledger: Ledger,
): BindTls | string {
  const verify = valuesOf(options, 'verify').at(-1) ?? 'none'
  if (verify !== 'none') return 'clients are not asked for certificates'
  if (options.includes('crt-list')) {
    return 'name the certificates of the list one by one under `tls` of a frontend'
  }
  const files = valuesOf(options, 'crt')
  if (files.length === 0) return 'it names no certificate: add `tls` to a frontend by hand'
  for (const file of files) {
    if (file.includes('${')) return 'the path of a certificate comes from the environment'
    if (!/\.(pem|crt|cer|cert|chain|key)$/i.test(file)) {
      return 'name the certificates of the folder one by one under `tls` of a frontend'
    }
  }
  const asked = valuesOf(options, 'ssl-min-ver').at(-1)
  if (asked !== undefined && !/^TLSv1\.[23]$/.test(asked)) {
    const piece = `ssl-min-ver ${asked}`
    ledger.drop(line, 'nothing older than TLSv1.2 is spoken', { piece })
  }
  const alpn = valuesOf(options, 'alpn').at(-1)?.split(',')
  const base = crtBase === undefined ? '' : `${crtBase.replace(/\/+$/, '')}/`
  return {
    certificates: files.map((file) => (file.startsWith('/') ? file : `${base}${file}`)),
    oldest: asked === 'TLSv1.2' || asked === 'TLSv1.3' ? asked : undefined,
    alpn: alpn?.filter((name) => name !== ''),
  }
}
