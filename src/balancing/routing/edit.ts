// How are fields of a head taken away and set? Made ready once for each table.

import { cutNamed } from '../../wire/http1/fields.ts'
import type { FieldEdit } from './model.ts'

/** A head with lines that are not passed on. */
export interface CuttableHead {
  readonly end: number
  readonly cuts: Int32Array
  cutCount: number
}

/** A `FieldEdit` ready to be applied. */
export class Edit {
  readonly #names: ReadonlySet<string>
  readonly #ours: RegExp
  readonly #lines: string
  readonly #asks: boolean

  constructor({ remove, set }: FieldEdit) {
    this.#names = new Set([...remove, ...set.map(([name]) => name.toLowerCase())])
    const words = [...this.#names].map((name) => name.replace(/[.*+?^${}()|\\]/g, '\\$&'))
    this.#ours = new RegExp(`^(?:${words.join('|')}):[^\\r]*\\r\\n`, 'gim')
    this.#lines = set.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    this.#asks = /\{(client|host)\}/.test(this.#lines)
  }

  /**
   * Cuts the fields out of the head whose fields begin at `start`, and returns `lines` (which are
   * going to be added to it) without them and with those that are set.
   */
  apply(bytes: Buffer, start: number, head: CuttableHead, lines: string): string {
    head.cutCount = cutNamed(bytes, start, head.end, this.#names, head.cuts, head.cutCount)
    return lines.replace(this.#ours, '') + this.#lines
  }

  /** The same for a request, whose own values may stand in what is set. */
  applyToRequest(
    bytes: Buffer,
    start: number,
    head: CuttableHead,
    lines: string,
    own: { readonly client: string; readonly host: string },
  ): string {
    const before = this.apply(bytes, start, head, lines)
    if (!this.#asks) return before
    const kept = before.slice(0, before.length - this.#lines.length)
    const said = this.#lines.replace(
      /\{(client|host)\}/g,
      (_, name: 'client' | 'host') => own[name],
    )
    return kept + said
  }
}
