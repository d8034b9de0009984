// Which certificates do frontends want, and what do edges hear of those that there are? Pure.

import type { TableTls } from '../balancing/model.ts'
import type { CertificateSighting, CertificateWish } from '../certificates/model.ts'
import type { Frontend, Spec } from '../spec/model.ts'

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
