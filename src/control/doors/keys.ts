// What one machine needs to take part in its cluster: who it is, the cluster's secret, and its
// certificate. One file, of its user alone.

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Fault, systemCode } from '../../foundation/fault.ts'

/** The keys of one machine. */
export interface MachineKeys {
  /** The cluster, as its file calls it. */
  readonly cluster: string
  /** This machine, as the file calls it. */
  readonly machine: string
  /** What everybody who takes part knows: base64url of 32 bytes. */
  readonly secret: string
  /** The authority whose certificates are taken (PEM). */
  readonly ca: string
  /** This machine's certificate and key (PEM). */
  readonly cert: string
  readonly key: string
}

const firstLine = 'alwayson machine keys 1'
const pem = (label: string): RegExp =>
  new RegExp(`-----BEGIN ${label}-----\\n[A-Za-z0-9+/=\\n]+-----END ${label}-----\\n`, 'g')

/** The certificates and the private key in a text. */
export const pemsOf = (
  text: string,
): { readonly certificates: readonly string[]; readonly key: string | undefined } => ({
  certificates: text.match(pem('CERTIFICATE')) ?? [],
  key: text.match(pem('PRIVATE KEY'))?.[0],
})

/** Whether a text can be the name of a cluster or a machine. */
export const isClusterName = (text: string): boolean => /^[a-z][a-z0-9_-]{0,39}$/.test(text)

/** Whether a text can be a cluster's secret: base64url of 32 bytes. */
export const isSecret = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

/** The text of a keys file. */
export const formatKeys = (keys: MachineKeys): string =>
  [
    firstLine,
    '# Whoever has this file can take part in the cluster as this machine: keep it 0600.',
    `cluster ${keys.cluster}`,
    `machine ${keys.machine}`,
    `secret ${keys.secret}`,
    '# the certificate of the authority, then that of this machine, then its key',
    `${keys.ca}${keys.cert}${keys.key}`,
  ].join('\n')

/** Reads the text of a keys file, named `place`. Throws a Fault `corrupt` that shows no secret. */
export function parseKeys(text: string, place: string): MachineKeys {
  const broken = (what: string): Fault =>
    new Fault('corrupt', `${place} ${what}`, {
      remedy: 'copy it anew from where `alwayson init` made it',
    })
  if (!text.startsWith(`${firstLine}\n`)) throw broken('is no file of machine keys')
  const field = (name: string, isRight: (value: string) => boolean): string => {
    const value = new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? ''
    if (!isRight(value)) throw broken(`has no \`${name}\` that can be read`)
    return value
  }
  const { certificates, key } = pemsOf(text)
  const [ca, cert] = certificates
  if (ca === undefined || cert === undefined) throw broken('has not both certificates')
  if (key === undefined) throw broken('has no private key')
  return {
    cluster: field('cluster', isClusterName),
    machine: field('machine', isClusterName),
    secret: field('secret', isSecret),
    ca,
    cert,
    key,
  }
}

/** More than keys ever are. */
const bytesMost = 64 * 1024

/**
 * Reads a private file; undefined if there is none. Throws a Fault `refused` if others than its
 * owner may read it: what it holds is no secret then.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const { mode, size } = await file.stat()
    if ((mode & 0o077) !== 0) {
      throw new Fault('refused', `${path} can be read by others than its owner`, {
        remedy: `chmod 600 ${path}, and make new keys if others may have seen it`,
      })
    }
    if (size > bytesMost)
      throw new Fault('corrupt', `${path} has ${size} bytes: it is no such file`)
    return await file.readFile('utf8')
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    if (thrown instanceof Fault) throw thrown
    throw new Fault('failed', `cannot read ${path}`, { cause: thrown })
  }
}

/** The keys of a machine from a file; undefined if there is none. */
export async function readKeys(path: string): Promise<MachineKeys | undefined> {
  const text = await readPrivate(path)
  return text === undefined ? undefined : parseKeys(text, path)
}

/** Where a machine's keys are: as `ALWAYSON_KEYS` says, or `alwayson.keys` beside its file. */
export const keysPath = (file: string, env: Readonly<Record<string, string | undefined>>): string =>
  env.ALWAYSON_KEYS || join(dirname(resolve(file)), 'alwayson.keys')
