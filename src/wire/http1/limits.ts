// How long may the parts of an HTTP/1.1 message be, before we refuse to read on?

/** Bytes of a head and of its first line, fields in it, and bytes around the data of chunks. */
export interface HeadLimits {
  readonly head: number
  readonly line: number
  readonly fields: number
}

/**
 * Of requests. RFC 9112 3 asks for 8,000 octets of request line at least; HAProxy and nginx stop
 * at 16 and 32 KiB of head by default.
 */
export const requestLimits: HeadLimits = { head: 32 * 1024, line: 16 * 1024, fields: 128 }

/** Of answers: servers set more and longer cookies than clients send. */
export const answerLimits: HeadLimits = { head: 60 * 1024, line: 8 * 1024, fields: 256 }

/** Bytes of chunk extensions in one body, all chunks together, and of its trailer section. */
export const chunkLimits = { extensions: 16 * 1024, trailers: 16 * 1024 } as const

/** What a head parser returns besides the status of its refusal: read, or wait for more bytes. */
export const headRead = 0
export const headIncomplete = -1
