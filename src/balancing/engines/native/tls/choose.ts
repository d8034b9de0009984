// Which certificate does a client get? The one whose names hold the name it asked for. Pure.

import type { TableCertificate } from '../../../model.ts'

/** `*.shop.example` holds `a.shop.example`, and neither `b.a.shop.example` nor `shop.example`. */
const holds = (pattern: string, name: string): boolean =>
  pattern === name ||
  (pattern.startsWith('*.') &&
    name.slice(name.indexOf('.')) === pattern.slice(1) &&
    name[0] !== '.')

/**
 * The certificate for a name: one that bears the very name before one with a wildcard, and of
 * several such the first. A name that none bears, or no name, gets the first of all.
 */
export function chooseCertificate(
  certificates: readonly TableCertificate[],
  serverName: string,
): TableCertificate | undefined {
  return (
    certificates.find(({ names }) => names.includes(serverName)) ??
    certificates.find(({ names }) => names.some((pattern) => holds(pattern, serverName))) ??
    certificates[0]
  )
}
