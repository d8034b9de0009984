// The words of the certificates room: what is wanted, what there is, and how it stands.

/** The versions of TLS that may be asked for at least. */
export type OldestTls = 'TLSv1.2' | 'TLSv1.3'

/** A certificate with its chain, and its key, as files; both may be the same file. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** How an authority is shown that a name is ours (RFC 8555 8.3, RFC 8737). */
export type ChallengeKind = 'http-01' | 'tls-alpn-01'

/** A certificate that an authority is to issue (RFC 8555). */
export interface AcmeWish {
  /** The address of the authority's directory. */
  readonly directory: string
  /** Whom it may write to; `undefined` for nobody. */
  readonly email: string | undefined
  /** In lower case, without wildcards. */
  readonly names: readonly string[]
  readonly challenge: ChallengeKind
  /** Certificates, in PEM, that vouch for the directory, if the usual ones do not. */
  readonly trust: string | undefined
}

/** The certificates that one door wants. */
export interface CertificateWish {
  /** The name of the frontend. */
  readonly door: string
  readonly files: readonly CertificateFiles[]
  readonly acme: AcmeWish | undefined
}

/** One certificate as it stands. Times are milliseconds since 1970. */
export interface CertificateSighting {
  /** Changes whenever the certificate or its key does. */
  readonly id: string
  readonly names: readonly string[]
  readonly issuer: string
  readonly from: number
  readonly until: number
  /** Where it comes from: a path, or the address of an authority. */
  readonly source: string
  /** Why what is there now is not what should be; empty when all is well. */
  readonly problem: string
}
