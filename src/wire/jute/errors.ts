// Which errors does a ZooKeeper server answer with, and what do they mean to a person? Pure data,
// as in Apache ZooKeeper's KeeperException.Code.

/**
 * Every error code of the protocol under the name we give it. The sentences complete "the server
 * says: …".
 */
export const zooErrors = {
  ok: [0, 'all is well'],
  'system-error': [-1, 'the server failed inside'],
  'runtime-inconsistency': [-2, 'an earlier operation of the same multi failed'],
  'data-inconsistency': [-3, 'the data of the server are inconsistent'],
  'connection-loss': [-4, 'the connection was lost'],
  'marshalling-error': [-5, 'a record could not be read or written'],
  unimplemented: [-6, 'the server does not know this operation'],
  'operation-timeout': [-7, 'the operation took too long'],
  'bad-arguments': [-8, 'an argument is not valid'],
  'unknown-session': [-12, 'there is no such session'],
  'new-config-no-quorum': [-13, 'no quorum of the new configuration is connected'],
  'reconfig-in-progress': [-14, 'another reconfiguration is under way'],
  'api-error': [-100, 'the request was refused'],
  'no-node': [-101, 'there is no such node'],
  'no-auth': [-102, 'this session may not do that'],
  'bad-version': [-103, 'the node has another version'],
  'no-children-for-ephemerals': [-108, 'an ephemeral node cannot have children'],
  'node-exists': [-110, 'the node exists already'],
  'not-empty': [-111, 'the node has children'],
  'session-expired': [-112, 'the session has expired'],
  'invalid-callback': [-113, 'the callback is not valid'],
  'invalid-acl': [-114, 'the access control list is not valid'],
  'auth-failed': [-115, 'authentication failed'],
  'session-moved': [-118, 'the session has moved to another server'],
  'not-read-only': [-119, 'a read-only server takes no writes'],
  'ephemeral-on-local-session': [-120, 'a local session cannot have ephemeral nodes'],
  'no-watcher': [-121, 'there is no such watch'],
  'request-timeout': [-122, 'the request timed out'],
  'reconfig-disabled': [-123, 'reconfiguration is disabled'],
  'session-closed-require-auth': [-124, 'the server asks for authentication first'],
  'quota-exceeded': [-125, 'the quota of a node above is used up'],
  'throttled-op': [-127, 'the server had too much to do and dropped the request'],
} as const satisfies Readonly<Record<string, readonly [code: number, says: string]>>

/** The name of an error of the protocol. */
export type ZooErrorName = keyof typeof zooErrors

const names = new Map<number, ZooErrorName>(
  Object.entries(zooErrors).map(([name, [code]]) => [code, name as ZooErrorName]),
)

/** The number that stands for an error in a reply header. */
export const errorCode = (name: ZooErrorName): number => zooErrors[name][0]

/** The name of an error number; `undefined` for one that no server we know of sends. */
export const errorName = (code: number): ZooErrorName | undefined => names.get(code)
