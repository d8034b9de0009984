// What a session and a simulated server say to each other.

import type { CoordinationNode, NodeChange } from '../../coordination/model.ts'

/** What a session asks. */
export type Ask =
  | { readonly kind: 'read'; readonly path: string }
  | { readonly kind: 'list'; readonly path: string }
  | { readonly kind: 'write'; readonly changes: readonly NodeChange[] }
  | { readonly kind: 'watch'; readonly path: string; readonly deep: boolean }
  | { readonly kind: 'unwatch'; readonly path: string; readonly deep: boolean }
  | { readonly kind: 'sync' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close' }

/** What an answer may carry. */
export type Value = CoordinationNode | readonly string[] | undefined

/** What a server tells a session. */
export interface ServerSays {
  answer(value: Value): void
  refuse(error: Error): void
}
