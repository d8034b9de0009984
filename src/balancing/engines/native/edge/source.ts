// Which address does a client have, for people and for rules? An IPv4 address is written as one.

/** `::ffff:10.0.0.5`, as a socket for both families says it, is `10.0.0.5`. */
export const sourceOf = (peer: string): string =>
  peer.startsWith('::ffff:') && peer.includes('.') ? peer.slice(7) : peer
