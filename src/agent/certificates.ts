// Which certificates do frontends want, and what do edges hear of those that there are? Pure.

import type { TableTls } from '../balancing/model.ts'
import type { CertificateSighting, CertificateWish } from '../certificates/model.ts'
import { standingOf } from '../certificates/rules.ts'
import { type Instant, instant } from '../foundation/time.ts'
import type { Frontend, Spec } from '../spec/model.ts'
import type { CertificateStatus } from './model.ts'

/** What the keeper has to have. */
export const certificateWishes = (spec: Spec): readonly CertificateWish[] =>
  Object.values(spec.frontends).flatMap(({ name, tls }) =>
    tls === undefined ? [] : [{ door: name, files: tls.certificates, acme: tls.acme }],
  )

/** A frontend's TLS as its edges need to know it; `undefined` where nothing is encrypted. */
export function tableTls(
  { name, tls }: Frontend,
  certificates: ReadonlyMap<string, readonly CertificateSighting[]>,
): TableTls | undefined {
  if (tls === undefined) return undefined
  const shown = (certificates.get(name) ?? []).map(({ id, names }) => ({ id, names }))
  return { certificates: shown, oldest: tls.oldest, protocols: tls.protocols }
}

/** What people are told of a certificate. */
export function certificateStatus(sighting: CertificateSighting, now: Instant): CertificateStatus {
  const { names, issuer, until, source, problem } = sighting
  const { kind, why } = standingOf(sighting, now)
  return { names, issuer, until: instant(until), source, standing: kind, why, problem }
}
