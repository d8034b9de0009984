// How many replicas does this machine run at this moment? Its share, and while replicas move also
// those that nobody else has taken over yet. Pure.

/** One machine's part in a service. */
export interface Part {
  readonly machine: string
  readonly share: number
  /** How many of its replicas are up, as this machine sees them. */
  readonly up: number
  /** Whether it acts on the same placement: if not, it may be about to stop what is up. */
  readonly agrees: boolean
}

/**
 * How many to run here. A replica that is placed elsewhere goes on until as many are up there as
 * are to be there: others count for no more than their own share, so that two machines that both
 * give one away never rely on the same replica; and only if they act on the same placement, so that
 * none relies on what another is about to give away.
 */
export function wishHere(
  wanted: number,
  here: { readonly share: number; readonly running: number },
  others: readonly Part[],
): number {
  const elsewhere = others.reduce(
    (sum, { share, up, agrees }) => sum + (agrees ? Math.min(share, up) : 0),
    0,
  )
  const lacking = Math.max(0, wanted - elsewhere)
  return Math.max(here.share, Math.min(here.running, lacking))
}
