// What do rules do to a server's answer on its way to the client?

import type { AnswerHead } from '../../../../wire/http1/answer-head.ts'
import type { Edit } from '../../../routing/edit.ts'

/** Of one request; used again for the next one. */
export class AnswerRules {
  /** Fields that are taken away and set. */
  edit: Edit | undefined
  /** Lines that are added, each with its CRLF. */
  lines = ''

  reset(): void {
    this.edit = undefined
    this.lines = ''
  }

  /** Cuts fields out of the head, and returns what is added to it: `lines`, and those of rules. */
  apply(bytes: Buffer, head: AnswerHead, lines: string): string {
    const all = this.lines === '' ? lines : lines + this.lines
    return this.edit?.apply(bytes, head.lineEnd, head, all) ?? all
  }
}
