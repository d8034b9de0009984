// What has an operator agreed to, and for which epoch? Pure.

import type { DatabaseObservation } from './model.ts'

/** What was asked for at an epoch holds in the election that closes it, too. */
export const hasAgreed = (
  { request, record: { epoch, phase } }: Pick<DatabaseObservation, 'request' | 'record'>,
  to: 'accept-data-loss' | 'approve-failover',
): boolean =>
  request?.kind === to &&
  (request.epoch === epoch || (phase.kind === 'electing' && request.epoch === epoch - 1))

/** Whether a primary may be replaced: by the file, or since an operator has agreed. */
export const mayDecide = (seen: DatabaseObservation): boolean =>
  seen.wish.failover === 'auto' ||
  hasAgreed(seen, 'approve-failover') ||
  hasAgreed(seen, 'accept-data-loss')
