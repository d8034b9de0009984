// How do the two kinds of servers differ, as far as losing a write is concerned?

/** What a simulated server does that the other does not. */
export interface EngineModel {
  readonly name: 'postgresql' | 'mariadb'
  /** The most members that can have to acknowledge a write; `undefined`: as many as there are. */
  readonly ackMost: number | undefined
  /** What a replica has received and not applied is gone once its server has ended. */
  readonly forgetsUnapplied: boolean
  /** A full disk ends it; otherwise its writes wait for room. */
  readonly endsWhenFull: boolean
}

/** PostgreSQL: any k of S by walsenders; what is flushed stays; a full log disk is a panic. */
export const postgresql: EngineModel = {
  name: 'postgresql',
  ackMost: undefined,
  forgetsUnapplied: false,
  endsWhenFull: true,
}

/** MariaDB: semi-sync waits for one; relay logs are purged when a replica's threads start. */
export const mariadb: EngineModel = {
  name: 'mariadb',
  ackMost: 1,
  forgetsUnapplied: true,
  endsWhenFull: false,
}

/** What is deliberately wrong in a control run, to see that it is noticed. */
export interface Sabotage {
  /** A keeper carries out orders of an epoch below its promise. */
  readonly forgetsPromises?: boolean
  /** A keeper carries out orders that are older than one it has carried out. */
  readonly takesLateOrders?: boolean
  /** A promise is kept in memory, and gone when the keeper or its machine ends. */
  readonly promisesInMemory?: boolean
  /** A keeper promotes without reading the record. */
  readonly promotesUnread?: boolean
  /** A keeper promotes its member again at an epoch at which it has been primary. */
  readonly promotesTwice?: boolean
  /** A primary whose keeper is silent goes on for ever. */
  readonly hasNoGuard?: boolean
  /** A guard lets a primary go on although only one of those that it needs hears it. */
  readonly vouchesEasily?: boolean
  /** The lease begins when a promotion ends, not when the record was read. */
  readonly leasesLate?: boolean
  /** A replica acknowledges what it has not written to its disk. */
  readonly acknowledgesUnsynced?: boolean
  /** A replica is stopped with all its threads, and what it had not applied is purged unsaid. */
  readonly freezesUnapplied?: boolean
  /** A replica is promoted before it has applied what it received. */
  readonly promotesUnapplied?: boolean
  /** A keeper promotes a member that has less than it was elected for. */
  readonly promotesForgetful?: boolean
  /** A replica whose relay logs are gone does not say so. */
  readonly hidesForgetting?: boolean
  /** A primary that starts again drops what it had not heard acknowledged, and some more. */
  readonly truncatesAtRestart?: boolean
  /** A stopped replica receives again as soon as its server is started. */
  readonly freezesInMemory?: boolean
  /** A primary acknowledges alone what nobody has acknowledged for a while. */
  readonly degrades?: boolean
  /** Others see a write before it is acknowledged. */
  readonly showsUnacknowledged?: boolean
  /** A server that has crashed starts again by itself, as what it was. */
  readonly restartsByItself?: boolean
}
