// What must be true. A broken one is our mistake, so it crashes where it is seen.

/** Crashes with `promise` when it does not hold. */
export function invariant(holds: unknown, promise: string): asserts holds {
  if (!holds) throw new Error(`broken invariant: ${promise}`)
}

/** Closes a `switch` over a union: the compiler refuses it while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`broken invariant: no case for ${JSON.stringify(value)}`)
}
