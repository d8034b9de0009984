// Which row of an ordered table holds? The first that does decides.

/**
 * One row of a decision table. `id` is a phrase an operator can search for: it stands in the
 * journal, in `alwayson why` and in the docs. `why` completes the sentence "because …".
 */
export interface Rule<Facts, Action> {
  readonly id: string
  readonly why: string
  readonly when: (facts: Facts) => boolean
  readonly actions: (facts: Facts) => readonly Action[]
}

/** What was decided, by which row, and why. An empty list of actions is a decision too: to wait. */
export interface Decision<Action> {
  readonly rule: string
  readonly why: string
  readonly actions: readonly Action[]
}

/**
 * The decision of the first rule that holds. A table must end with a rule that always holds;
 * one that does not is a mistake of ours and crashes.
 */
export function firstMatch<Facts, Action>(
  rules: readonly Rule<Facts, Action>[],
  facts: Facts,
): Decision<Action> {
  for (const rule of rules) {
    if (rule.when(facts)) return { rule: rule.id, why: rule.why, actions: rule.actions(facts) }
  }
  throw new Error('broken invariant: a rule table ends with a rule that always holds')
}
