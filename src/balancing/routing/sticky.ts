// Which server did this client have before, and what does its cookie say from now on? Pure.

import type { Sticky } from './model.ts'

/** What a client's cookie said, as far as it still counts. */
export interface Stuck {
  readonly token: string
  /** Seconds since 1970; both 0 where cookies do not age. */
  readonly issued: number
  readonly seen: number
}

const shape = /^[A-Za-z0-9_-]{12}(\.[0-9a-z]{1,9}\.[0-9a-z]{1,9})?$/

/** Reads the value of a cookie; `undefined` when it is none of ours, or too old. */
export function readStuck(
  value: string | undefined,
  sticky: Sticky,
  now: number,
): Stuck | undefined {
  if (value === undefined || !shape.test(value)) return undefined
  const [token = '', issued = '0', seen = '0'] = value.split('.')
  const found = { token, issued: Number.parseInt(issued, 36), seen: Number.parseInt(seen, 36) }
  if (!ages(sticky)) return { ...found, issued: 0, seen: 0 }
  const { lifeSeconds = Infinity, idleSeconds = Infinity } = sticky
  const isOver = now - found.issued > lifeSeconds || now - found.seen > idleSeconds
  return isOver ? undefined : found
}

const ages = ({ lifeSeconds, idleSeconds }: Sticky): boolean =>
  lifeSeconds !== undefined || idleSeconds !== undefined

/**
 * The line that tells a client that it belongs to the server with `token`; `''` when its cookie
 * says so already. One that goes by idleness is renewed after a tenth of it.
 */
export function stickyLine(
  sticky: Sticky,
  before: Stuck | undefined,
  token: string,
  now: number,
  secure: boolean,
): string {
  const same = before?.token === token ? before : undefined
  const { idleSeconds = Infinity, lifeSeconds } = sticky
  if (same !== undefined && now - same.seen <= (ages(sticky) ? idleSeconds / 10 : Infinity)) {
    return ''
  }
  const issued = same?.issued ?? now
  const dates = ages(sticky) ? `.${issued.toString(36)}.${now.toString(36)}` : ''
  const left = lifeSeconds === undefined ? '' : `; Max-Age=${issued + lifeSeconds - now}`
  const domain = sticky.domain === undefined ? '' : `; Domain=${sticky.domain}`
  const where = `; Path=${sticky.path}${domain}${left}`
  const how = `; HttpOnly; SameSite=${sticky.sameSite}${secure ? '; Secure' : ''}`
  return `Set-Cookie: ${sticky.cookie}=${token}${dates}${where}${how}\r\n`
}
