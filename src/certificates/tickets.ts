// The keys that session tickets are sealed with: made here, kept for the next agent, turned.

import { randomBytes } from 'node:crypto'
import type { TicketKey } from '../balancing/model.ts'
import { type MadeTicketKey, turnTicketKeys } from './rules.ts'
import type { SecretStore } from './store.ts'

const file = 'tickets.json'
const keyBytes = 48

/** The keys of one machine. */
export class TicketKeys {
  readonly #store: SecretStore
  #keys: readonly MadeTicketKey[] | undefined

  constructor(store: SecretStore) {
    this.#store = store
  }

  get keys(): readonly TicketKey[] {
    return (this.#keys ?? []).map(({ bytes }) => ({ bytes }))
  }

  /** Reads what an earlier agent kept, makes what is due; true when the keys are others now. */
  async turn(now: number): Promise<boolean> {
    const before = this.#keys ?? parse(await this.#store.read(file))
    const next = turnTicketKeys(before, now, () => randomBytes(keyBytes).toString('base64'))
    const isNew = this.#keys !== next
    this.#keys = next
    if (next !== before) await this.#store.write(file, JSON.stringify({ format: 1, keys: next }))
    return isNew
  }
}

/** What cannot be read is made anew: sessions end, and nothing else is lost. */
function parse(text: string | undefined): readonly MadeTicketKey[] {
  try {
    const { keys } = JSON.parse(text ?? '{}') as { keys?: readonly Partial<MadeTicketKey>[] }
    return (keys ?? []).flatMap(({ bytes, made }) =>
      typeof bytes === 'string' &&
      typeof made === 'number' &&
      Buffer.from(bytes, 'base64').length === keyBytes
        ? [{ bytes, made }]
        : [],
    )
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return []
    throw thrown
  }
}
