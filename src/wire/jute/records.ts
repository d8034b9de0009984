// What do the requests and responses of the ZooKeeper protocol hold? Every record of
// zookeeper.jute that a client or a server exchanges, in the field order of that file.

import type { Reader, Writer } from './archive.ts'
import {
  bool,
  bytes,
  int,
  type Layout,
  list,
  long,
  type Of,
  record,
  string,
  time,
  trailing,
  writtenOut,
} from './layout.ts'

/** Who: a scheme (`world`, `auth`, `digest`, `ip`, `x509`, `sasl`) and an id within it. */
export const id = record({ scheme: string, id: string })
export type Id = Of<typeof id>

/** Who may do what: `perms` adds up `permission` bits. */
export const acl = record({ perms: int, id })
export type Acl = Of<typeof acl>

/** What the server knows of a node besides its data. */
export interface Stat {
  /** The transaction that made the node. */
  readonly czxid: bigint
  /** The transaction that changed its data last. */
  readonly mzxid: bigint
  /** When it was made: milliseconds since 1970, by the clock of the server that led. */
  readonly ctime: number
  /** When its data changed last. */
  readonly mtime: number
  /** How often its data changed: the version that `setData` and `check` compare. */
  readonly version: number
  /** How often its children changed. */
  readonly cversion: number
  /** How often its ACL changed. */
  readonly aversion: number
  /**
   * The session that an ephemeral node lives with; 0 for a persistent node. Containers and nodes
   * with a TTL are marked in its high bits (EphemeralType.java).
   */
  readonly ephemeralOwner: bigint
  readonly dataLength: number
  readonly numChildren: number
  /** The transaction that changed its children last. */
  readonly pzxid: bigint
}

/** Written out, because a client reads one with nearly every reply. */
export const stat: Layout<Stat> = {
  read: (from: Reader): Stat => ({
    czxid: from.long(),
    mzxid: from.long(),
    ctime: from.time(),
    mtime: from.time(),
    version: from.int(),
    cversion: from.int(),
    aversion: from.int(),
    ephemeralOwner: from.long(),
    dataLength: from.int(),
    numChildren: from.int(),
    pzxid: from.long(),
  }),
  write(to: Writer, value: Stat): void {
    to.long(value.czxid)
    to.long(value.mzxid)
    to.time(value.ctime)
    to.time(value.mtime)
    to.int(value.version)
    to.int(value.cversion)
    to.int(value.aversion)
    to.long(value.ephemeralOwner)
    to.int(value.dataLength)
    to.int(value.numChildren)
    to.long(value.pzxid)
  },
  least: 68,
}

/** No record at all: the body of a ping, a close, a reply that only has a header. */
export const nothing: Layout<undefined> = {
  read: () => undefined,
  write: () => undefined,
  least: 0,
}

const strings = list(string)

// --- the handshake: no headers around these two

/** The first frame of a connection. `sessionId` 0 asks for a new session. */
export const connectRequest = record({
  protocolVersion: int,
  lastZxidSeen: long,
  timeout: int,
  sessionId: long,
  password: bytes,
  readOnly: trailing(bool, false),
})
export type ConnectRequest = Of<typeof connectRequest>

/** The answer to it. `timeout` is what was negotiated; 0 or less: that session has expired. */
export const connectResponse = record({
  protocolVersion: int,
  timeout: int,
  sessionId: long,
  password: bytes,
  readOnly: trailing(bool, false),
})
export type ConnectResponse = Of<typeof connectResponse>

// --- headers

export const requestHeader = record({ xid: int, type: int })
export type RequestHeader = Of<typeof requestHeader>

/** `error` is 0, or an `errorCode`, and then no record follows. */
export const replyHeader = writtenOut(record({ xid: int, zxid: long, error: int }), {
  read: (from) => ({ xid: from.int(), zxid: from.long(), error: from.int() }),
})
export type ReplyHeader = Of<typeof replyHeader>

/** What a reply with xid `notification` holds. */
export const watcherEvent = record({ type: int, state: int, path: string })
export type WatcherEvent = Of<typeof watcherEvent>

// --- nodes

const path = record({ path: string })
const watched = writtenOut(record({ path: string, watch: bool }), {
  write(to, { path, watch }) {
    to.string(path)
    to.bool(watch)
  },
})
const onlyStat = writtenOut(record({ stat }), { read: (from) => ({ stat: stat.read(from) }) })

export const createRequest = record({ path: string, data: bytes, acl: list(acl), flags: int })
export type CreateRequest = Of<typeof createRequest>

export const createTtlRequest = record({
  path: string,
  data: bytes,
  acl: list(acl),
  flags: int,
  /** Milliseconds. */
  ttl: time,
})
export type CreateTtlRequest = Of<typeof createTtlRequest>

export const createResponse = path
export const create2Response = record({ path: string, stat })
export const deleteRequest = record({ path: string, version: int })
export const deleteContainerRequest = path
export const existsRequest = watched
export const existsResponse = onlyStat
export const getDataRequest = watched
export const getDataResponse = writtenOut(record({ data: bytes, stat }), {
  read: (from) => ({ data: from.bytes(), stat: stat.read(from) }),
})
export const setDataRequest = writtenOut(record({ path: string, data: bytes, version: int }), {
  write(to, { path, data, version }) {
    to.string(path)
    to.bytes(data)
    to.int(version)
  },
})
export const setDataResponse = onlyStat
export const getAclRequest = path
export const getAclResponse = record({ acl: list(acl), stat })
export const setAclRequest = record({ path: string, acl: list(acl), version: int })
export const setAclResponse = onlyStat
export const getChildrenRequest = watched
export const getChildrenResponse = record({ children: strings })
export const getChildren2Response = record({ children: strings, stat })
export const getAllChildrenNumberRequest = path
export const getAllChildrenNumberResponse = record({ totalNumber: int })
export const getEphemeralsRequest = record({ prefixPath: string })
export const getEphemeralsResponse = record({ ephemerals: strings })
export const checkVersionRequest = record({ path: string, version: int })
export const syncRequest = path
export const syncResponse = path

// --- watches

export const setWatchesRequest = record({
  relativeZxid: long,
  dataWatches: strings,
  existWatches: strings,
  childWatches: strings,
})

export const setWatches2Request = record({
  relativeZxid: long,
  dataWatches: strings,
  existWatches: strings,
  childWatches: strings,
  persistentWatches: strings,
  persistentRecursiveWatches: strings,
})
export type SetWatches2Request = Of<typeof setWatches2Request>

/** `mode` is an `addWatchMode`. */
export const addWatchRequest = record({ path: string, mode: int })
/** The server sends an ErrorResponse that says 0 (FinalRequestProcessor.java). */
export const addWatchResponse = record({ error: int })
/** `type` is a `watcherType`; the same record asks `checkWatches`. */
export const removeWatchesRequest = record({ path: string, type: int })

// --- who

/** `type` is unused and 0. */
export const authPacket = record({ type: int, scheme: string, auth: bytes })
export const saslRequest = record({ token: bytes })
export const saslResponse = record({ token: bytes })
export const clientInfo = record({ authScheme: string, user: string })
export const whoAmIResponse = record({ clientInfo: list(clientInfo) })

// --- the ensemble

export const reconfigRequest = record({
  joiningServers: string,
  leavingServers: string,
  newMembers: string,
  /** The configuration it is meant for; -1: whichever there is. */
  curConfigId: long,
})
