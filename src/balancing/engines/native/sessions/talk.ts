// The port between a session, which knows connections, and what is spoken on them.

/** What a client said before its session began. */
export type Opening =
  | { readonly kind: 'more' }
  /** It is answered with this; `used` bytes were part of it. */
  | { readonly kind: 'answer'; readonly text: string; readonly used: number }
  /** It asks for TLS. */
  | { readonly kind: 'secure'; readonly used: number }
  /** It wants what another session does to be cancelled: the one with this key. */
  | { readonly kind: 'cancel'; readonly key: string }
  /** A session begins; `used` bytes belong to its beginning. */
  | { readonly kind: 'session'; readonly used: number }
  | { readonly kind: 'bad'; readonly why: string }

/** What a server said although nothing was asked. */
export type Unasked = 'more' | 'pass' | 'leaves'

/** Why a session ends. */
export type Farewell =
  /** Its server is replaced, and it cannot be taken over. */
  | 'moved'
  /** Its server is gone, with something under way. */
  | 'lost'
  /** No server came within the time that may be waited. */
  | 'nobody'

/** What an attempt to log in anew came to, so far. */
export type LoginStep =
  | { readonly kind: 'more'; readonly send: Buffer | undefined }
  /** The session stands; `tell` goes to the client before what was heard beyond `used` bytes. */
  | { readonly kind: 'done'; readonly tell: Buffer; readonly used: number }
  /** Not now: another server, or the same one later, may take it. */
  | { readonly kind: 'not-now'; readonly why: string }
  /** Never: `tell` goes to the client. */
  | { readonly kind: 'refused'; readonly tell: Buffer; readonly why: string }

/** A login at another server, in the client's place. */
export interface Login {
  /** What is said first; `undefined` where the server speaks first. */
  begin(): Buffer | undefined
  /** The server said this. */
  heard(bytes: Buffer, end: number): LoginStep
}

/** Of a protocol in which the client speaks before the server does. */
export interface Opener {
  /** Reads what came first, all of it so far. */
  open(bytes: Buffer): Opening
}

/** How a server is asked to go on under TLS, and who has to know that it does. */
export type Ask =
  /** Before anything else; answered with one letter. */
  | { readonly kind: 'first'; readonly request: Buffer; secured(): void }
  /** Before the client's first response, which then goes under TLS, changed a little. */
  | {
      readonly kind: 'with-response'
      /** What is said for a response; `undefined`: more of it has to come. */
      read(said: Buffer): { readonly request: Buffer; readonly response: Buffer } | undefined
      secured(): void
    }

/** One client's conversation in a database's protocol, followed but not changed. */
export interface Talk {
  /** What the first server of the session is told of its beginning. */
  readonly beginning: Buffer | undefined
  readonly asksForTls: Ask
  /** Follows what the client says; it may be changed where it stands. */
  clientSaid(bytes: Buffer, start: number, end: number): void
  /** Follows what the server says; returns where the session came to rest, or `end`. */
  serverSaid(bytes: Buffer, start: number, end: number): number
  /** What a server says to a session at rest. */
  unasked(bytes: Buffer): Unasked
  /** Every request is answered, no transaction is open, and no message is under way. */
  readonly rests: boolean
  /** The login is done: before, nothing of the session exists yet. */
  readonly stands: boolean
  /** One of the two has said goodbye: what follows is the end of the connection. */
  readonly isOver: boolean
  /** Nothing of a message of the server's has gone out without the rest. */
  readonly mayInterrupt: boolean
  /**
   * What a server says first about a request may mean that it leaves without having done it: then
   * `unasked` tells, and `takeBack` makes it as if nothing had been asked.
   */
  mayLeave(bytes: Buffer, end: number): boolean
  takeBack(): boolean
  /** It says so to everybody and still lets in who comes: the same one is not asked again soon. */
  readonly leavesForAll: boolean
  /** Why it cannot go on at another server; `undefined` if it can. */
  readonly boundBy: string | undefined
  /** Logs in at another server with what is known of the session. */
  login(): Login
  /** Whether this, said by a client at rest, only ends the session. */
  isGoodbye(bytes: Buffer): boolean
  /** What a server is told whose session is given up. */
  readonly goodbye: Buffer
  /** What the client is told of the end; `undefined` where there is nothing to say. */
  farewell(why: Farewell): Buffer | undefined
  /** By what its client asks for a cancel, and what stands for it at its present server. */
  readonly cancelKey: string | undefined
  readonly serverKey: string | undefined
}
