// The words of the import from HAProxy: what its configuration says, and what became of each line.

import type { BalanceTree, LimitTree, ReplyTree, StickyTree } from './tree.ts'

/** One line that is neither empty nor a comment. */
export interface Line {
  readonly number: number
  /** As it stands in the file, without indentation and comment. */
  readonly text: string
  readonly words: readonly string[]
}

/** `frontend web` and what follows it. */
export interface Section {
  /** `global`, `defaults`, `frontend`, `backend`, `listen`, or one that is not carried over. */
  readonly kind: string
  readonly name: string
  readonly line: Line
  readonly lines: readonly Line[]
}

/** A line that became part of the file, perhaps with a difference. */
export interface Carried {
  readonly line: number
  readonly text: string
  /** What is different from what HAProxy does. */
  readonly note: string | undefined
}

/** A line, or a part of one, that did not. */
export interface NotCarried {
  readonly line: number
  readonly text: string
  readonly reason: string
  readonly loss: Loss
}

/** What is missed without a line; with `protection` gone, what it kept out gets in. */
export type Loss = 'nothing' | 'something' | 'protection'

/** A file that the result refers to, by its path from the result's folder: `./errors/503.html`. */
export interface Page {
  readonly path: string
  readonly text: string
}

/** What a configuration came to. */
export interface Imported {
  /** The file for Always On; `undefined` if there is no server to carry over. */
  readonly yaml: string | undefined
  readonly pages: readonly Page[]
  readonly carried: readonly Carried[]
  readonly notCarried: readonly NotCarried[]
  /** The line of the configuration that a part of the result comes from, by path. */
  readonly lines: Readonly<Record<string, number>>
}

/** What is asked to find out whether a server is up. */
export interface HttpCheck {
  readonly method: string
  readonly path: string
  readonly host: string | undefined
  /** Other fields that are sent, by name. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What the body of an answer to a check must say, as our file writes it. */
export interface BodyExpectation {
  readonly contains?: string
  readonly lacks?: string
  readonly matches?: string
}

/** The program beside a server that is asked how much it should take (`agent-check`). */
export interface ServerAgent {
  readonly isAsked: boolean
  readonly port: number | undefined
  readonly host: string | undefined
  readonly every: number | undefined
  readonly send: string | undefined
}

/** How often a server is asked, as far as the configuration says so. */
export interface CheckTiming {
  readonly every: number | undefined
  readonly fast: number | undefined
  readonly rise: number | undefined
  readonly fall: number | undefined
  /** Milliseconds. */
  readonly slowStart: number | undefined
  readonly sendProxy: 'v1' | 'v2' | undefined
  /** It speaks HTTP/2 by prior knowledge (`proto h2`). */
  readonly isHttp2: boolean
}

/** How a server is spoken to under TLS. */
export interface ServerTls {
  readonly isOn: boolean
  readonly verify: boolean
  /** A file; without it, what the system trusts. */
  readonly ca: string | undefined
  readonly name: string | undefined
}

/** The parameters of a `server` line, merged with those of `default-server`. */
export interface ServerOptions extends CheckTiming {
  readonly isChecked: boolean
  /** The check asks another address, or in TLS. */
  readonly check: 'as-traffic' | 'elsewhere' | 'encrypted'
  readonly checkPort: number | undefined
  readonly agent: ServerAgent
  readonly tls: ServerTls
  readonly weight: number | undefined
  readonly isBackup: boolean
  readonly isDisabled: boolean
  readonly maxConnections: number | undefined
}

export interface Server {
  readonly line: Line
  readonly name: string
  readonly host: string
  /** `undefined`: the port that the client connected to. */
  readonly port: string | undefined
  readonly options: ServerOptions
}

/** A host and a path that a request must have; each may be left open. */
export interface Match {
  readonly host: string | undefined
  readonly path: string | undefined
}

/** One alternative after another: any of them suffices. Or why routes cannot say it. */
export type Condition =
  | {
      readonly kind: 'any-of'
      readonly matches: readonly Match[]
      readonly notes: readonly string[]
    }
  | {
      readonly kind: 'none-of'
      readonly matches: readonly Match[]
      readonly notes: readonly string[]
    }
  | { readonly kind: 'beyond'; readonly reason: string }

/** `acl NAME CRITERION`. */
export interface Acl {
  readonly line: Line
  readonly name: string
  readonly condition: Condition
}

/** `use_backend NAME if CONDITION`. */
export interface Rule {
  readonly line: Line
  readonly backend: string
  readonly condition: Condition
}

/** A rule by which a frontend answers itself. */
export interface ReplyRule {
  readonly line: Line
  /** HAProxy asks `http-request` rules first, then `redirect`, then `use_backend`. */
  readonly stage: 'request' | 'redirect'
  /** It keeps somebody out. */
  readonly guards: boolean
  readonly tree: ReplyTree
  readonly condition: Condition
}

/** A field that is set, or, without a value, taken away. */
export interface FieldRule {
  readonly line: Line
  readonly of: 'request' | 'response'
  readonly name: string
  readonly value: string | undefined
}

/** What `bind … ssl` says. */
export interface BindTls {
  /** At least one: files with a certificate and its key. */
  readonly certificates: readonly string[]
  readonly oldest: 'TLSv1.2' | 'TLSv1.3' | undefined
  readonly alpn: readonly string[] | undefined
}

export interface BindAddress {
  readonly line: Line
  readonly tls: BindTls | undefined
  /** As our file writes it: `:80`, `10.0.0.1:80`, `[::]:80`. */
  readonly text: string
  readonly acceptsProxy: boolean
}

/** A value and the line that says so. */
export interface Said<T> {
  readonly value: T
  readonly line: Line
}

/** What a proxy says, or takes over from its `defaults`. */
export interface Settings {
  readonly mode: 'http' | 'tcp'
  readonly balance: Said<BalanceTree> | undefined
  readonly cookie: Said<StickyTree> | undefined
  /** `hash-balance-factor`, in per cent; 0 is no bound. */
  readonly hashBound: Said<number> | undefined
  readonly maxConnections: Said<number> | undefined
  /** Milliseconds, by the name after `timeout`. */
  readonly timeouts: Readonly<Record<string, Said<number>>>
  readonly httpCheck: HttpCheck | undefined
  /** Its check looks at what servers say, to tell apart servers that all would accept. */
  readonly choosesByAnswer: boolean
  readonly expect: readonly string[] | undefined
  readonly body: BodyExpectation | undefined
  readonly errorFiles: Readonly<Record<string, Said<string>>>
  readonly server: ServerOptions
  readonly watching: {
    /** `log` says where to. */
    readonly hasTarget: boolean
    /** `option httplog` and the like: each request. */
    readonly logsRequests: boolean
    readonly onlyErrors: boolean
    readonly requestId: boolean
  }
  readonly defaultBackend: Said<string> | undefined
}

/** One `frontend`, `backend` or `listen`. */
export interface ProxySection extends Settings {
  readonly kind: 'frontend' | 'backend' | 'listen'
  readonly name: string
  readonly line: Line
  readonly binds: readonly BindAddress[]
  readonly servers: readonly Server[]
  readonly acls: readonly Acl[]
  readonly rules: readonly Rule[]
  readonly replies: readonly ReplyRule[]
  readonly fields: readonly FieldRule[]
  readonly limits: readonly LimitTree[]
  /** Its section has addresses with TLS and without: this is one half of it. */
  readonly isHalf: boolean
  /** Every line of its section. */
  readonly lines: readonly Line[]
  /** `disabled` stands in it. */
  readonly isDisabled: boolean
  /** It shows HAProxy's statistics. */
  readonly isStatistics: boolean
}
