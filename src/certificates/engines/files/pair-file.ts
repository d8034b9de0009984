// One certificate and its key on disk: what they hold now, and whether they have changed.

import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { KeyPair } from '../../../balancing/model.ts'
import { describeError, Fault, systemCode } from '../../../foundation/fault.ts'
import { type CertificateFacts, certificatesIn, keyIn, readPair } from '../../../wire/key-pair.ts'
import type { CertificateFiles } from '../../model.ts'

/** A certificate that can be shown. */
export interface LoadedPair {
  readonly pair: KeyPair
  readonly facts: CertificateFacts
}

/** Reads both files. Throws a Fault that says which one cannot be used, and why. */
export function loadPair(files: CertificateFiles): LoadedPair {
  const certificate = read(files.certificate)
  const key = files.key === files.certificate ? certificate : read(files.key)
  const found = readPair(certificate, key)
  if (found.kind === 'wrong') {
    const path = files[found.part]
    throw new Fault('corrupt', `${path} cannot be used: ${found.why}`)
  }
  return asLoaded(certificate, key, found.facts)
}

/** Names a pair by its certificate: another certificate is another pair, and has another key. */
export function asLoaded(certificate: string, key: string, facts: CertificateFacts): LoadedPair {
  const chain = certificatesIn(certificate)
  const id = createHash('sha256').update(chain).digest('hex').slice(0, 32)
  return { pair: { id, certificate: chain, key: keyIn(key) }, facts }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = systemCode(cause) === 'EACCES' ? 'may not be read by this user' : 'cannot be read'
    throw new Fault('failed', `${path} ${why}`, { cause })
  }
}

/**
 * What tells that a file is another one, another inside, or open to others than before; of one that
 * cannot be looked at, why: whoever reads it then says so. `''` when it is not there. Never throws.
 */
export function stampOf({ certificate, key }: CertificateFiles): string {
  return [certificate, key].map(stampOfFile).join(' ')
}

function stampOfFile(path: string): string {
  try {
    // Through links: where certificates are mounted, links are what is exchanged.
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return ''
    const { dev, ino, size, mtimeMs, ctimeMs } = found
    return [dev, ino, size, mtimeMs, ctimeMs].join('/')
  } catch (thrown) {
    return systemCode(thrown) ?? describeError(thrown)
  }
}
