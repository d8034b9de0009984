// Which server comes first in the file and still has a place?

import type { Candidate } from './candidate.ts'

/**
 * The first of the list: those without a place are not in it, so servers fill up in order, and the
 * last ones of the list stay empty (and can be switched off) while there is little to do.
 */
export const first = <C extends Candidate>(candidates: readonly C[]): C | undefined => candidates[0]
