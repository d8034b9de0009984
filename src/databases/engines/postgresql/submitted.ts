// What does `pg` call while a command of replication is under way? Most of it says nothing here.

import type pg from 'pg'

/** A command whose answers are streams: its `Submittable`. */
export abstract class Submitted {
  abstract submit(connection: pg.Connection): void
  abstract handleDataRow(message: { readonly fields: readonly (string | null)[] }): void
  abstract handleCopyData(message: { readonly chunk: Buffer }): void
  abstract handleError(thrown: Error): void
  abstract handleReadyForQuery(): void

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleCopyInResponse(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
