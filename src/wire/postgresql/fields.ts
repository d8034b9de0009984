// What does an error or a notice of PostgreSQL say, and how is one written? (55.8 of its manual)

import { fromServer, messageOf } from './messages.ts'

/** What is told of an error: the severity without translation, the code, and the text. */
export interface ErrorFields {
  readonly severity: string
  /** SQLSTATE, five characters. */
  readonly code: string
  readonly message: string
  /** The function of the server that said so; the same in every language. */
  readonly routine: string
}

/** Reads the body of an ErrorResponse; what is missing in it is empty. */
export function readError(body: Buffer, start = 0, end = body.length): ErrorFields {
  const fields = new Map<string, string>()
  for (let at = start; at < end && body[at] !== 0; ) {
    const zero = body.indexOf(0, at + 1)
    const stop = zero < 0 || zero > end ? end : zero
    fields.set(String.fromCharCode(body[at] as number), body.toString('utf8', at + 1, stop))
    at = stop + 1
  }
  return {
    severity: fields.get('V') ?? fields.get('S') ?? '',
    code: fields.get('C') ?? '',
    message: fields.get('M') ?? '',
    routine: fields.get('R') ?? '',
  }
}

/** Whether the server ends the session with this. */
export const isFatal = ({ severity }: ErrorFields): boolean =>
  severity === 'FATAL' || severity === 'PANIC'

/** The server takes nobody from here: its `pg_hba.conf` says so, for now or ever. */
export const isShut = ({ code, routine }: ErrorFields): boolean =>
  code === '28000' && routine === 'ClientAuthentication'

/** An ErrorResponse that ends a session. */
export const fatalError = (code: string, message: string): Buffer =>
  messageOf(fromServer.error, Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`, 'utf8'))
