// What a route may ask of a request besides host and path, and what it does to it. Types only.

/** One field that a request must have, or must not. */
export interface FieldMatch {
  /** In lower case. */
  readonly name: string
  readonly how: 'is' | 'begins' | 'ends' | 'present' | 'absent'
  /** Compared as it is written; `''` where there is nothing to compare. */
  readonly value: string
}

/** Fields that are taken away and then set, of a request or of an answer. */
export interface FieldEdit {
  /** Names in lower case. */
  readonly remove: readonly string[]
  /** Of a request, `{client}` and `{host}` in a value stand for its own. */
  readonly set: readonly (readonly [name: string, value: string])[]
}

/** An answer of our own instead of a server's. */
export type Reply =
  | {
      readonly kind: 'redirect'
      readonly status: 301 | 302 | 303 | 307 | 308
      /** `at`: to this very URL; `under`: path and query follow it; `scheme`: `https` or `http`. */
      readonly how: 'at' | 'under' | 'scheme'
      readonly to: string
    }
  | { readonly kind: 'refuse'; readonly status: number }

/** A second service that gets a part of the requests. */
export interface Canary {
  readonly pool: string
  /** From 0 to 1. */
  readonly share: number
  /** A request with this field always goes there. */
  readonly field?: { readonly name: string; readonly value: string }
  /**
   * A client is told by this cookie which point of the scale it is, and stays there: as the share
   * grows, more clients change over and none changes back. Without it, its address decides.
   */
  readonly cookie?: string
}

/** Everything beyond host and path; what is left out is not asked, and not done. */
export interface RouteRules {
  readonly methods?: readonly string[]
  readonly fields?: readonly FieldMatch[]
  /** The path as a whole, not as a prefix. */
  readonly exact?: boolean
  /** How the path may end. */
  readonly ends?: readonly string[]
  readonly reply?: Reply
  /** Taken from the beginning of the path, where it stands there; then the other is put before. */
  readonly strip?: string
  readonly prepend?: string
  readonly request?: FieldEdit
  readonly answer?: FieldEdit
  readonly canary?: Canary
  /** The longest body of a request, in bytes. */
  readonly bodyMost?: number
}

/** Whoever comes is told to come back later, instead of being served. */
export interface Maintenance {
  /** The body of the answer; without it that of any other 503. */
  readonly page?: string
  readonly retryAfterSeconds: number
  /** Networks that are served all the same. */
  readonly allow: readonly string[]
}

/** Clients go on with the server that they had, by a cookie that we set. */
export interface Sticky {
  readonly cookie: string
  readonly path: string
  readonly domain?: string
  readonly sameSite: 'Lax' | 'Strict' | 'None'
  /** So long unused, and so long after it was first told, the cookie counts no more. */
  readonly idleSeconds?: number
  readonly lifeSeconds?: number
  /** While its server has no place, a request waits so long for it before it goes elsewhere. */
  readonly waitMs: number
}
