// How do members on several machines know each other? By certificates of their cluster, which both
// ends of a connection show; a server finds its own in files of its private folder.

import { chownSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { MachineKeys } from '../control/doors/keys.ts'
import { readWhole, writeWhole } from '../control/whole-file.ts'

/** What a machine shows to the others, and by what it knows theirs (PEM). */
export type MachineCertificate = Pick<MachineKeys, 'ca' | 'cert' | 'key'>

/** The certificate of this machine as it is at this moment: it may have been renewed. */
export type MemberTls = () => MachineCertificate

/** By what others are reached at this moment; `undefined`: in the clear. */
export type DialTls = () => MachineCertificate | undefined

/** Which of all that concerns one member. */
export interface MemberSecurity {
  /** By what the others are reached; `undefined`: in the clear. */
  readonly tls?: MemberTls | undefined
  /** What its own server shows, if that is not `tls`. */
  readonly shown?: MemberTls | undefined
  /** Its own server lets those in as well who come in the clear. */
  readonly alsoPlain?: boolean | undefined
}

/** What its own server shows; `undefined`: it speaks no TLS. */
export const shownBy = ({ tls, shown }: MemberSecurity): MemberTls | undefined => shown ?? tls

/** Whether its own server lets nobody in over the network who shows no certificate. */
export const refusesPlain = (options: MemberSecurity): boolean =>
  shownBy(options) !== undefined && options.alsoPlain !== true

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Where they are for the server whose private folder is `run`. */
export const tlsFilesIn = (run: string): TlsFiles => ({
  ca: join(run, 'cluster.pem'),
  cert: join(run, 'machine.pem'),
  key: join(run, 'machine.key'),
})

/** Puts them there, for the server's user alone. */
export function putTlsFiles(
  run: string,
  certificate: MachineCertificate,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): void {
  const files = tlsFilesIn(run)
  for (const part of ['ca', 'cert', 'key'] as const) {
    if (readWhole(files[part]) === certificate[part]) continue
    writeWhole(files[part], certificate[part])
    if (owner !== undefined) chownSync(files[part], owner.uid, owner.gid)
  }
}

/** What was put there. Throws where nothing was. */
export function readTlsFiles(run: string): MachineCertificate {
  const { ca, cert, key } = tlsFilesIn(run)
  const [caPem, certPem, keyPem] = [ca, cert, key].map((path) => readFileSync(path, 'utf8'))
  return { ca: caPem ?? '', cert: certPem ?? '', key: keyPem ?? '' }
}

/**
 * What a connection to `host` is secured by (`tls.connect`): its certificate has to be of the
 * cluster, and to bear the address that it was looked for at.
 */
export const tlsTo = (host: string, { ca, cert, key }: MachineCertificate) => ({
  ...{ ca, cert, key, host },
  // An address is no name that could be asked for (RFC 6066 3).
  ...(isIP(host) === 0 ? { servername: host } : {}),
  minVersion: 'TLSv1.2' as const,
})
