// What do rules do to a server's answer on its way to the client?

import type { AnswerHead } from '../../../../wire/http1/answer-head.ts'
import type { Edit } from '../../../routing/edit.ts'
import type { Sticky } from '../../../routing/model.ts'
import { type Stuck, stickyLine } from '../../../routing/sticky.ts'
import type { Server } from '../edge/server.ts'

/** A client that is to come back to its server. */
export interface StickyClient {
  readonly sticky: Sticky
  readonly pool: string
  readonly before: Stuck | undefined
  /** Seconds since 1970. */
  readonly now: number
  readonly secure: boolean
}

/** Of one request; used again for the next one. */
export class AnswerRules {
  /** Fields that are taken away and set. */
  edit: Edit | undefined
  /** Lines that are added, each with its CRLF. */
  lines = ''
  sticky: StickyClient | undefined

  reset(): void {
    this.edit = undefined
    this.lines = ''
    this.sticky = undefined
  }

  /** Cuts fields out of the head, and returns what is added to it: `lines`, and those of rules. */
  apply(bytes: Buffer, head: AnswerHead, lines: string, server: Server): string {
    const all = this.lines === '' ? lines : lines + this.lines
    const edited = this.edit?.apply(bytes, head.lineEnd, head, all) ?? all
    return this.sticky === undefined ? edited : edited + cookieLine(this.sticky, server)
  }
}

const cookieLine = ({ sticky, pool, before, now, secure }: StickyClient, server: Server): string =>
  stickyLine(sticky, before, server.tokenIn(pool), now, secure)
