// What do answers of ours mean to a client of gRPC, and how long does it wait? Pure.

import type { Milliseconds } from '../../../../foundation/time.ts'
import { ms } from '../../../../foundation/time.ts'

/** `application/grpc`, `application/grpc+proto`; not `application/grpc-web`. */
export const isGrpc = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/grpc(?:$|[+;])/i.test(contentType)

/** The statuses of gRPC that stand for those of HTTP (grpc/doc/http-grpc-status-mapping.md). */
const statuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}
const unknownError = 2
/** The client's own deadline has passed. */
export const deadlineExceeded = 4

/** The fields of an answer that is nothing but trailers. */
export const trailersOnly = (grpcStatus: number, message: string): readonly string[] => [
  ...[':status', '200', 'content-type', 'application/grpc'],
  ...['grpc-status', String(grpcStatus), 'grpc-message', message],
]

/** What a client of gRPC is told instead of an answer with this status. */
export const insteadOf = (status: number): readonly string[] =>
  trailersOnly(statuses[status] ?? unknownError, `no server answered in gRPC: status ${status}`)

const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}

/** Reads `grpc-timeout`: at most eight digits and a unit. */
export function readGrpcTimeout(text: string | undefined): Milliseconds | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text ?? '')
  const unit = units[match?.[2] ?? '']
  return match === null || unit === undefined ? undefined : ms(Number(match[1]) * unit)
}
