// Asks `grpc.health.v1.Health/Check` (grpc/proto/grpc/health/v1/health.proto) over HTTP/2.

import { type ClientHttp2Stream, constants } from 'node:http2'
import type { Check } from '../model.ts'
import type { Outcome } from './http-answer.ts'
import { askOverHttp2 } from './http2.ts'
import type { Question, QuestionListener } from './tcp.ts'

type GrpcCheck = Extract<Check, { kind: 'grpc' }>

/** An answer of a health service has seven bytes; more than this is none. */
const answerBytesMost = 4096

/** HealthCheckResponse.ServingStatus. */
const servingStatuses: Readonly<Record<number, string>> = {
  0: 'UNKNOWN',
  1: 'SERVING',
  2: 'NOT_SERVING',
  3: 'SERVICE_UNKNOWN',
}

/** A message with its length before it (gRPC over HTTP/2, Length-Prefixed-Message). */
function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(5 + message.length)
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, 5)
  return frame
}

/** HealthCheckRequest: field 1, the name of the service. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8')
  // Names are shorter than 128 bytes: the length is a varint of one byte.
  const message = name.length === 0 ? name : Buffer.from([0x0a, name.length, ...name])
  return framed(message)
}

/** HealthCheckResponse: field 1, a varint; a field that is left out is zero. */
export function healthStatus(frame: Buffer): number | undefined {
  if (frame.length < 5 || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - 5) return
  if (frame.length === 5) return 0
  return frame.length === 7 && frame[5] === 0x08 ? frame[6] : undefined
}

/** Asks once. `report` is called once at most, never within this call. */
export const askGrpc = (
  host: string,
  port: number,
  check: GrpcCheck,
  listener: QuestionListener,
): Question =>
  askOverHttp2(host, port, listener, (session, end) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': 'alwayson-check',
      te: 'trailers',
    })
    readAnswer(stream, end)
    stream.end(healthRequest(check.service))
    return stream
  })

function readAnswer(stream: ClientHttp2Stream, end: (outcome: Outcome) => void): void {
  const fail = (reason: string): void => end({ kind: 'failed', reason })
  let body = Buffer.alloc(0)
  let status: unknown
  let grpcStatus: unknown
  stream.on('response', (headers) => {
    status = headers[constants.HTTP2_HEADER_STATUS]
    grpcStatus = headers['grpc-status']
  })
  stream.on('data', (chunk: Buffer) => {
    body = Buffer.concat([body, chunk])
    if (body.length > answerBytesMost) fail('its answer is no answer of a health service')
  })
  stream.on('trailers', (trailers) => {
    grpcStatus = trailers['grpc-status']
  })
  stream.on('end', () => {
    if (status === undefined) return fail('closed before answering')
    if (status !== 200) return fail(`status ${String(status)}, expected 200`)
    if (grpcStatus !== '0') return fail(`grpc-status ${String(grpcStatus ?? 'missing')}`)
    const serving = healthStatus(body)
    if (serving === 1) return end({ kind: 'passed' })
    if (serving === undefined) return fail('its answer is no answer of a health service')
    fail(`it says ${servingStatuses[serving] ?? serving}`)
  })
}
