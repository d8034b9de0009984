// The words of the certificates room: what is wanted, what there is, and how it stands.

/** The versions of TLS that may be asked for at least. */
export type OldestTls = 'TLSv1.2' | 'TLSv1.3'

/** A certificate with its chain, and its key, as files; both may be the same file. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** The certificates that one door wants. */
export interface CertificateWish {
  /** The name of the frontend. */
  readonly door: string
  readonly files: readonly CertificateFiles[]
}

/** One certificate as it stands. Times are milliseconds since 1970. */
export interface CertificateSighting {
  /** Changes whenever the certificate or its key does. */
  readonly id: string
  readonly names: readonly string[]
  readonly issuer: string
  readonly from: number
  readonly until: number
  /** Where it comes from: a path. */
  readonly source: string
  /** Why what is there now is not what should be; empty when all is well. */
  readonly problem: string
}
