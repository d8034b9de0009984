// Which numbers does the ZooKeeper protocol give its operations, modes, events and states?
// Constants only, as in ZooDefs.java, CreateMode.java and Watcher.java of Apache ZooKeeper.

/** What a request asks for: the `type` of its header (ZooDefs.OpCode). */
export const opcode = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const

/** The name of an operation. */
export type OpcodeName = keyof typeof opcode

/** The xids that are not a request's own (ClientCnxn.java). */
export const specialXid = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const

/** The only version of the protocol there is: `protocolVersion` of the connect records. */
export const protocolVersion = 0

/** The bytes of a session's password (SessionTrackerImpl, ZooKeeperServer.generatePasswd). */
export const passwordBytes = 16

/** How a node is made: the `flags` of a create request (CreateMode.java). */
export const createFlag = {
  persistent: 0,
  ephemeral: 1,
  'persistent-sequential': 2,
  'ephemeral-sequential': 3,
  container: 4,
  ttl: 5,
  'ttl-sequential': 6,
} as const

/** How a node is made, by name. */
export type CreateMode = keyof typeof createFlag

/** What `addWatch` leaves behind (AddWatchMode.java). */
export const addWatchMode = { persistent: 0, 'persistent-recursive': 1 } as const

/** Which watches `removeWatches` and `checkWatches` mean (Watcher.WatcherType). */
export const watcherType = {
  children: 1,
  data: 2,
  any: 3,
  /** Since ZooKeeper 3.9; an older server answers `bad-arguments`. */
  persistent: 4,
  /** Since ZooKeeper 3.9; an older server answers `bad-arguments`. */
  'persistent-recursive': 5,
} as const

/** What happened: the `type` of a watch event (Watcher.Event.EventType). */
export const eventType = {
  none: -1,
  created: 1,
  deleted: 2,
  dataChanged: 3,
  childrenChanged: 4,
  dataWatchRemoved: 5,
  childWatchRemoved: 6,
  persistentWatchRemoved: 7,
} as const

/** How the server's session stands: the `state` of a watch event (Watcher.Event.KeeperState). */
export const keeperState = {
  disconnected: 0,
  syncConnected: 3,
  authFailed: 4,
  connectedReadOnly: 5,
  saslAuthenticated: 6,
  closed: 7,
  expired: -112,
} as const

/** What an ACL allows: bits that add up (ZooDefs.Perms). */
export const permission = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const

/** The version that matches every version of a node. */
export const anyVersion = -1
