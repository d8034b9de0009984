// The words of the balancing room: where does this request go, and what became of it?

import type { Instant, Milliseconds } from '../foundation/time.ts'
import type { ServerTls } from '../health/model.ts'
import type { ConcurrencyLimit, Limit } from './limits/model.ts'
import type { Maintenance, RouteRules, Sticky } from './routing/model.ts'

/**
 * How a server is picked among those that are up. HAProxy's words; `random` draws two, `first`
 * fills them in order, and `hash` sends what has one key to one server.
 */
export type PolicyName = 'roundrobin' | 'leastconn' | 'random' | 'first' | 'hash'

/** What of a request is the key of `hash`. */
export interface HashRule {
  readonly by: 'source' | 'uri' | 'header' | 'cookie'
  /** Of the header (in lower case) or the cookie. */
  readonly name?: string
  /** Of the path so many segments; all without it. */
  readonly depth?: number
  /** The query counts too. */
  readonly query?: boolean
  /** No server takes more than so many times its share; Infinity is sent as `undefined`. */
  readonly bound?: number
}

/**
 * `up` takes requests; `draining` finishes what it has and takes nothing new; `down` takes nothing
 * and what waits on it for a first byte goes elsewhere if it may be repeated.
 */
export type ServerState = 'up' | 'draining' | 'down'

/** One address that may be picked. */
export interface TableServer {
  readonly id: string
  readonly host: string
  readonly port: number
  /** Its share of the requests beside its siblings' weights; 0 takes nothing. */
  readonly weight: number
  readonly state: ServerState
  /** Picked only while no server that is not a backup is up. */
  readonly backup: boolean
  /** Also while it drains, clients that had it go on with it. */
  readonly keepsSticky?: boolean
  /**
   * Requests (in TCP mode connections) at once; more wait for a place. In an engine’s table for
   * all of its edges; each is told its share.
   */
  readonly maxConnections: number | undefined
}

/** How long, how many and how much may wait while no server is available. */
export interface HoldLimits {
  readonly wait: Milliseconds
  readonly requests: number
  readonly bytes: number
}

/** When a request is tried on a second server although the first may still answer it. */
export interface HedgeRule {
  /** From sending to the first byte; `undefined`: learned from the service's own latency. */
  readonly after: Milliseconds | undefined
  /** Of all requests this share, at most, is sent twice. */
  readonly share: number
  /** Also those that change something, if they may be repeated: PUT and DELETE. */
  readonly unsafe: boolean
}

/** A service as the edges see it. */
export interface Pool {
  readonly name: string
  readonly servers: readonly TableServer[]
  readonly hold: HoldLimits
  readonly connectTimeout: Milliseconds
  /** From the last byte sent to the first byte of the answer, and between two bytes of it. */
  readonly responseTimeout: Milliseconds
  /** What its servers speak: HTTP/1.1 unless it says otherwise. */
  readonly protocol?: 'http2'
  /** Set while its requests are turned away. */
  readonly maintenance?: Maintenance
  readonly sticky?: Sticky
  /** Its servers are told who the client is by a PROXY header of this version. */
  readonly sendProxy?: 'v1' | 'v2'
  /** Its servers are spoken to under TLS. */
  readonly tls?: ServerTls
  /** They are of our cluster: sessions of databases go to them under TLS, as this machine. */
  readonly isCluster?: true
  /** A server that came up while others were up takes its full share only after so long. */
  readonly slowStart?: Milliseconds
  /** Request bodies kept so that they can be sent again: of each so much, and of all of them. */
  readonly keptBodies?: { readonly each: number; readonly bytes: number } | undefined
  /** `undefined`: no request is on two servers at once. */
  readonly hedge?: HedgeRule | undefined
  /**
   * In TCP mode: connections to a server that is down, or leaves the table, are broken at once;
   * those to one that drains, after `grace`. Without it they end by themselves.
   */
  readonly cut?: { readonly grace: Milliseconds }
  /** Of which term of a primary its servers are: an edge takes no row of an earlier one. */
  readonly epoch?: number
}

/** The first route whose host and path both match takes the request. */
export interface TableRoute {
  /** `shop.example`, `*.shop.example`; `undefined` matches every host. Lower case. */
  readonly host: string | undefined
  /** A prefix of whole segments: `/old` matches `/old` and `/old/x`, not `/older`. */
  readonly path: string | undefined
  /** `undefined` where `rules` answer by themselves. */
  readonly pool: string | undefined
  readonly policy: PolicyName
  /** With the policy `hash`. */
  readonly hash?: HashRule
  readonly rules?: RouteRules
}

/** Where and how the requests of a door are logged, a line of JSON each. */
export interface TableLog {
  /** Absolute; or a name, which stands among the logs of the state folder. */
  readonly path: string
  /** `errors`: those that were answered with 500 or above, or not as they should. */
  readonly only: 'all' | 'errors'
  /** This share of those that went well is logged: 0 to 1. */
  readonly sample: number
  /** With the query of the target. */
  readonly query: boolean
  /** Rotated at so many bytes; so many older ones are kept. */
  readonly size: number
  readonly keep: number
}

/** What servers are told of a request beside what its client said. */
export interface TableTelling {
  /** Who asks, how and for which host: in `X-Forwarded-…`, in `Forwarded` (RFC 7239), or not. */
  readonly as: 'x-forwarded' | 'forwarded' | 'both' | 'none'
  /**
   * Networks whose word is taken for it: what others say of themselves is not passed on.
   * `undefined`: what comes is passed on, with ours behind it.
   */
  readonly trust?: readonly string[] | undefined
  /** By what name we stand in Via (RFC 9110 7.6.3). */
  readonly via?: string | undefined
  /** Each request has an X-Request-Id, and its answer the same. */
  readonly requestId: boolean
  /** A request without a trace (W3C Trace Context) begins one; this share of them is sampled. */
  readonly tracing?: { readonly sample: number } | undefined
}

/** An address to listen on. */
export interface Bind {
  readonly host: string
  readonly port: number
}

/** The oldest version of TLS that a client may speak, as OpenSSL names it. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** A certificate that a door may show. Its key is no part of a table: see `EdgeSecrets`. */
export interface TableCertificate {
  /** What it is called among the secrets; another one when certificate or key are others. */
  readonly id: string
  /** The names it is good for, in lower case; `*.shop.example` for one label. */
  readonly names: readonly string[]
}

/** How a door is secured. Whoever asks for a name that no certificate bears gets the first one. */
export interface TableTls {
  readonly certificates: readonly TableCertificate[]
  readonly oldest: TlsVersion
  /** What may be spoken inside, the most wanted first (ALPN): `h2`, `http/1.1`. */
  readonly protocols: readonly string[]
}

/** A certificate with the ones that lead to its issuer, and its key, in PEM. */
export interface KeyPair {
  readonly id: string
  readonly certificate: string
  readonly key: string
}

/** A key that session tickets are sealed with: 48 bytes, in base64. */
export interface TicketKey {
  readonly bytes: string
}

/** What shows an authority that a name is ours: what a request, or a handshake, is answered. */
export type Challenge =
  /** RFC 8555 8.3: `/.well-known/acme-challenge/TOKEN`, on whichever plain door is asked. */
  | { readonly kind: 'http-01'; readonly token: string; readonly answer: string }
  /** RFC 8737: a certificate for whoever speaks `acme-tls/1`; its id is unique. */
  | { readonly kind: 'tls-alpn-01'; readonly name: string; readonly pair: KeyPair }

/**
 * What edges need to know and nobody else may: told over their sockets, never written down by them,
 * never shown.
 */
export interface EdgeSecrets {
  readonly certificates: readonly KeyPair[]
  /** The first one seals; what any of them sealed is taken. */
  readonly tickets: readonly TicketKey[]
  readonly challenges: readonly Challenge[]
  /** What servers of our cluster are shown, and by what theirs are known (PEM). */
  readonly machine?: MachineKeyPair | undefined
  /** As whom sessions of frontends that speak a database's protocol may log in anew. */
  readonly accounts?: readonly EdgeAccount[]
}

/** A machine's certificate in its cluster. */
export interface MachineKeyPair {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** A user of a database behind a frontend, whose sessions may be moved to another server. */
export interface EdgeAccount {
  readonly frontend: string
  readonly user: string
  readonly password: string
}

/** Where requests to a door without encryption are sent instead. */
export interface TableRedirect {
  readonly status: 301 | 308
  /** Of the door with encryption. */
  readonly port: number
}

/** How fast a client has to be; time in which it waits for us does not count. */
export interface PaceRule {
  /** From the first byte of a request's head to the end of its body. */
  readonly request?: Milliseconds
  /** Ended: who moves less than `below` bytes a second, on average over `for`. */
  readonly slow?: { readonly below: number; readonly for: Milliseconds }
}

/** A database's own protocol; `mysql` is MariaDB's too. */
export type DatabaseProtocol = 'postgresql' | 'mysql'

/** One door. In TCP mode its only route has neither host nor path. */
export interface TableFrontend {
  readonly name: string
  readonly mode: 'http' | 'tcp'
  readonly binds: readonly Bind[]
  readonly routes: readonly TableRoute[]
  /** A client connection that carries no request, or in TCP mode no byte, is closed after this. */
  readonly idleTimeout: Milliseconds
  /** In TCP mode: what clients speak; their sessions go on when another server takes over. */
  readonly speaks?: DatabaseProtocol
  /** Two connections joined by an upgrade (WebSocket) end after so long without a byte. */
  readonly tunnelTimeout?: Milliseconds
  /** A client that ends its side while it waits is taken to be gone after so long. */
  readonly halfClosedTimeout?: Milliseconds
  /** From the first byte of a request to the end of its head. */
  readonly headTimeout: Milliseconds
  /** `undefined`: a client is given all the time that the other timeouts leave it. */
  readonly pace?: PaceRule
  readonly maxConnections: number
  /** Networks of proxies whose connections begin with a PROXY header; those of others do not. */
  readonly acceptProxy?: readonly string[]
  /** How much one client may ask; beyond it the answer is 429. */
  readonly limits?: readonly Limit[]
  /** How much one client may have in flight at each edge; beyond it the answer is 429. */
  readonly concurrency?: readonly ConcurrencyLimit[]
  /** Set while clients are turned away. */
  readonly maintenance?: Maintenance
  /** Bodies of our own answers by status (502, 503, 504, …); HTML or text as they are. */
  readonly errorPages: Readonly<Record<string, string>>
  /** `undefined`: the usual X-Forwarded lines, and nothing more. */
  readonly telling?: TableTelling | undefined
  /** What it logs of its requests; `undefined`: nothing. */
  readonly log?: TableLog | undefined
  /** Every connection to it is secured. */
  readonly tls?: TableTls | undefined
  /** Every request is sent to https; it has no routes. */
  readonly redirect?: TableRedirect | undefined
}

/** All that an edge needs to know. Versions grow; an edge ignores one older than it holds. */
export interface Table {
  readonly version: number
  readonly frontends: readonly TableFrontend[]
  readonly pools: readonly Pool[]
}

/** What traffic showed about one server, counted since the edge started. */
export interface ServerTraffic {
  /** Requests (in TCP mode connections) on it at this moment. */
  readonly active: number
  /** The share of its limit that this edge goes by. */
  readonly limit?: number
  readonly requests: number
  readonly refused: number
  readonly reset: number
  readonly timedOut: number
  /** Answers of 500 and above. */
  readonly errors: number
  /** Requests that another server, asked later, answered first. */
  readonly late: number
  /** Set while this edge passes over the server because of what its requests met. */
  readonly ejected: { readonly until: Instant; readonly why: string } | undefined
}

/** What went through one door, counted since the edge started. */
export interface FrontendTraffic {
  readonly connections: number
  readonly requests: number
  /** Answers by first digit of the status: index 1 to 5; index 0 is no answer at all. */
  readonly answers: readonly number[]
  /** Requests waiting at this moment for a server to become available, and all that ever did. */
  readonly held: number
  readonly heldTotal: number
  readonly redispatched: number
  /** Requests that were sent to a second server while the first still had them. */
  readonly hedged: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** One edge's account of itself. */
export interface EdgeReport {
  readonly edge: number
  /** The version of the table it routes by. */
  readonly table: number
  /** Those of the table, and those that have left it while something is still in flight on them. */
  readonly servers: Readonly<Record<string, ServerTraffic>>
  readonly frontends: Readonly<Record<string, FrontendTraffic>>
  /** By service: requests that wait for one of its servers at this moment. */
  readonly waiting?: Readonly<Record<string, number>>
}
