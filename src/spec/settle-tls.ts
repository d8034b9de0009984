// What does a frontend's TLS come to? Certificates and keys are read once here, to find what is
// wrong with them while somebody looks; only their paths are kept.

import { dirname, resolve as resolvePath } from 'node:path'
import type { AcmeWish } from '../certificates/model.ts'
import { systemCode } from '../foundation/fault.ts'
import { readPair } from '../wire/key-pair.ts'
import { defaults } from './defaults.ts'
import type { Frontend, FrontendTls } from './model.ts'
import type { RawFrontend } from './schema.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'
import { readHost } from './values.ts'

type RawTls = NonNullable<Loose<RawFrontend>['tls']>
type RawPair = NonNullable<NonNullable<RawTls['certificates']>[number]>

/** The TLS of a frontend as the other rooms want it. */
export function settleTls(
  { tls: raw, routes }: Loose<RawFrontend>,
  mode: Frontend['mode'],
  path: Path,
  site: Site,
): FrontendTls | undefined {
  if (raw === undefined) return undefined
  if (raw.alpn !== undefined && mode === 'http') {
    const message = 'in HTTP mode Always On itself says what it speaks'
    site.fault([...path, 'alpn'], message, 'leave it out', { at: 'key' })
  }
  if (raw.certificates === undefined && raw.acme === undefined) {
    const message = 'there is no certificate to show'
    site.fault(path, message, 'add `certificates` or `acme`', { at: 'key', absence: true })
  }
  const asked = raw.alpn?.flatMap((name) => name ?? [])
  return {
    certificates: (raw.certificates ?? []).flatMap((one, index) =>
      one === undefined ? [] : settlePair(one, [...path, 'certificates', index], site),
    ),
    acme: settleAcme(raw.acme, routes, [...path, 'acme'], site),
    oldest: raw.min_version ?? defaults.tls.min_version,
    protocols: mode === 'http' ? defaults.tls.protocols : (asked ?? []),
  }
}

function settleAcme(
  raw: RawTls['acme'],
  routes: Loose<RawFrontend>['routes'],
  path: Path,
  site: Site,
): AcmeWish | undefined {
  if (raw === undefined) return undefined
  const asked = raw.names ?? routes?.flatMap((route) => route?.host ?? []) ?? []
  const names = new Set<string>()
  asked.forEach((name, index) => {
    const host = name === undefined ? undefined : readHost(name)
    if (!host?.ok) return
    if (!host.value.startsWith('*.')) names.add(host.value)
    else if (raw.names !== undefined) {
      const message = 'an authority asks about wildcards in the DNS alone, which is not ours'
      site.fault([...path, 'names', index], message, 'list the names themselves')
    }
  })
  if (names.size === 0 && (raw.names === undefined || raw.names.length === 0)) {
    const message = 'there is no name to ask a certificate for'
    site.fault(path, message, 'add `names`, or routes with a `host`', { at: 'key', absence: true })
  }
  const ca = raw.ca === undefined ? undefined : resolvePath(dirname(site.file), raw.ca)
  return {
    directory: raw.directory ?? defaults.acme.directory,
    email: raw.email,
    names: [...names],
    challenge: raw.challenge ?? defaults.acme.challenge,
    trust: ca === undefined ? undefined : readPem(ca, [...path, 'ca'], site),
  }
}

function settlePair(raw: RawPair, path: Path, site: Site): FrontendTls['certificates'] {
  const long = typeof raw === 'string' ? { certificate: raw, key: undefined } : raw
  if (long.certificate === undefined) return []
  const at = {
    certificate: typeof raw === 'string' ? path : [...path, 'certificate'],
    key: long.key === undefined ? path : [...path, 'key'],
  }
  const files = {
    certificate: resolvePath(dirname(site.file), long.certificate),
    key: resolvePath(dirname(site.file), long.key ?? long.certificate),
  }
  const certificate = readPem(files.certificate, at.certificate, site)
  const key = long.key === undefined ? certificate : readPem(files.key, at.key, site)
  if (certificate === undefined || key === undefined) return []
  const pair = readPair(certificate, key)
  if (pair.kind === 'wrong') {
    const isSplit = pair.part === 'key' && long.key === undefined
    const remedy = isSplit ? 'name the file of its key: `{ certificate: PATH, key: PATH }`' : ''
    const what = pair.part === 'key' ? 'the key' : 'the certificate'
    site.fault(at[pair.part], `${what} cannot be used: ${pair.why}`, remedy || undefined)
  }
  if (pair.kind === 'pair' && ((site.modeOf?.(files.key) ?? 0) & 0o007) !== 0) {
    const message = 'every user of this machine may read or change this key'
    site.fault(at.key, message, `take that away: chmod o-rwx ${files.key}`)
  }
  return [files]
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
}

/** The text of a file in PEM; one that cannot be read is reported. */
export function readPem(file: string, path: Path, site: Site): string | undefined {
  try {
    return site.readFile(file)
  } catch (thrown) {
    const why = reasons[systemCode(thrown) ?? ''] ?? String((thrown as Error).message)
    const remedy = 'paths count from the folder of this file'
    site.fault(path, `cannot read \`${site.shown(path)}\`: ${why}`, remedy)
    return undefined
  }
}
