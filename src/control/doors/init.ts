// Makes what a cluster begins with: an authority, a secret, and the keys of each machine. What was
// made before stays as it is.

import { randomBytes, X509Certificate } from 'node:crypto'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../foundation/fault.ts'
import { writeWhole } from '../whole-file.ts'
import { type Certified, issue, makeAuthority, type Subject } from './certificates.ts'
import { formatKeys, isClusterName, isSecret, pemsOf, readKeys, readPrivate } from './keys.ts'

/** What is to be made. */
export interface InitOptions {
  /** The folder of all keys; made if it is missing. */
  readonly folder: string
  readonly cluster: string
  readonly machines: readonly Subject[]
  /** Makes new certificates for machines that have theirs. */
  readonly renew: boolean
  readonly now: Date
}

/** What became of one file: it was made, made anew because of `why`, or left as it was. */
export interface InitStep {
  readonly path: string
  /** undefined: the authority. */
  readonly machine: string | undefined
  readonly kind: 'made' | 'renewed' | 'kept'
  readonly why?: string
}

interface Authority extends Certified {
  readonly cluster: string
  readonly secret: string
}

const authorityLine = 'alwayson authority keys 1'

const formatAuthority = ({ cluster, secret, cert, key }: Authority): string =>
  [
    authorityLine,
    '# Whoever has this file can let any machine into the cluster: keep it away from the machines.',
    `cluster ${cluster}`,
    `secret ${secret}`,
    `${cert}${key}`,
  ].join('\n')

function parseAuthority(text: string, place: string): Authority {
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? ''
  const { certificates, key } = pemsOf(text)
  const [cert] = certificates
  const [cluster, secret] = [field('cluster'), field('secret')]
  const isWhole = text.startsWith(`${authorityLine}\n`) && isClusterName(cluster)
  if (!isWhole || !isSecret(secret) || cert === undefined || key === undefined) {
    throw new Fault('corrupt', `${place} is no file of authority keys`, {
      remedy:
        'put it back as it was; without it, a new cluster with new keys can be made elsewhere',
    })
  }
  return { cluster, secret, cert, key }
}

/**
 * Makes what is missing, and says what it did, the authority first. Throws a Fault if the folder
 * belongs to another cluster, holds damaged files, or cannot be written to.
 */
export async function initKeys(options: InitOptions): Promise<readonly InitStep[]> {
  const { folder, cluster, machines, now } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // So that nobody hands the keys to everybody with the next commit.
  await writeFile(join(folder, '.gitignore'), '*\n', { mode: 0o600 })
  const path = join(folder, 'authority.keys')
  const text = await readPrivate(path)
  const known = text === undefined ? undefined : parseAuthority(text, path)
  if (known !== undefined && known.cluster !== cluster) {
    throw new Fault('refused', `${folder} holds the keys of \`${known.cluster}\``, {
      remedy: `name another folder with --keys, or keep the name \`${known.cluster}\` in the file`,
    })
  }
  const authority = known ?? newAuthority(cluster, now)
  if (known === undefined) {
    await refuseStrays(folder, machines)
    writeWhole(path, formatAuthority(authority))
  }
  const kind = known === undefined ? 'made' : 'kept'
  const steps: InitStep[] = [{ path, machine: undefined, kind }]
  for (const machine of machines) steps.push(await keysFor(machine, authority, options))
  return steps
}

function newAuthority(cluster: string, now: Date): Authority {
  const secret = randomBytes(32).toString('base64url')
  return { cluster, secret, ...makeAuthority(`Always On authority of ${cluster}`, now) }
}

/** Keys without their authority: whatever were made beside them could not be used with them. */
async function refuseStrays(folder: string, machines: readonly Subject[]): Promise<void> {
  for (const { name } of machines) {
    const path = join(folder, `${name}.keys`)
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (!isThere) continue
    throw new Fault('refused', `${path} is there, but not the authority that made it`, {
      remedy: 'put authority.keys back beside it, or name another folder with --keys',
    })
  }
}

async function keysFor(
  machine: Subject,
  authority: Authority,
  { folder, renew, now }: InitOptions,
): Promise<InitStep> {
  const path = join(folder, `${machine.name}.keys`)
  const known = await readKeys(path)
  const why = known === undefined ? undefined : reasonToRenew(machine, known.cert, renew)
  if (known !== undefined && why === undefined) return { path, machine: machine.name, kind: 'kept' }
  const { cluster, secret } = authority
  const made = { ...issue(authority, machine, now), ca: authority.cert }
  writeWhole(path, formatKeys({ cluster, machine: machine.name, secret, ...made }))
  return why === undefined
    ? { path, machine: machine.name, kind: 'made' }
    : { path, machine: machine.name, kind: 'renewed', why }
}

function reasonToRenew({ hosts }: Subject, cert: string, renew: boolean): string | undefined {
  if (renew) return 'asked for'
  const known = new X509Certificate(cert)
  const moved = hosts.find(
    (host) => known.checkIP(host) === undefined && known.checkHost(host) === undefined,
  )
  return moved === undefined ? undefined : `it is at ${moved} now`
}
