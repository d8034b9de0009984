// When do members take the next step towards TLS, or back? Rules that stand among the others, after
// all that a database needs otherwise. Pure.

import type { Rule } from '../control/rules.ts'
import { write } from './changes.ts'
import type { DatabaseFacts } from './facts.ts'
import type { DatabaseAction } from './model.ts'

/** Step by step, each once all have taken the one before. */
export const encryptionRules: readonly Rule<DatabaseFacts, DatabaseAction>[] = [
  {
    id: 'change-encryption',
    why: 'all members have taken the step before: the next one towards TLS, or back, is due',
    when: (f) => f.encryption?.missing.length === 0,
    actions: (f) => (f.encryption === undefined ? [] : write(f, { encryption: f.encryption.next })),
  },
  {
    id: 'encryption-waits',
    why: 'members go over to TLS, or back, step by step, and not all have taken this one yet',
    when: (f) => f.encryption !== undefined,
    actions: () => [],
  },
]
