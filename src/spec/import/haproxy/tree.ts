// The file that an import makes, as plain data: what `render` writes and our own parser reads.

export interface ServerTree {
  readonly at: string
  readonly name: string
  readonly weight?: number
  readonly backup?: boolean
  readonly max_connections?: number
  readonly check?: CheckTree
}

export type CheckTree = string | Readonly<Record<string, unknown>>

export type BalanceTree = string | Readonly<Record<string, unknown>>

export type StickyTree = string | Readonly<Record<string, string>>

export interface ServiceTree {
  readonly servers: readonly ServerTree[]
  readonly check: CheckTree
  readonly protocol?: 'http2'
  readonly tls?: true | Readonly<Record<string, string | boolean>>
  readonly balance?: BalanceTree
  readonly slow_start?: string
  readonly sticky?: StickyTree
  readonly send_proxy?: 'v1' | 'v2'
  readonly hold?: string
  readonly timeouts?: Readonly<Record<string, string>>
}

/** What a route answers by itself. */
export interface ReplyTree {
  readonly redirect?: Readonly<Record<string, string | number>>
  readonly refuse?: number
}

export interface RouteTree extends ReplyTree {
  readonly host?: string
  readonly path?: string
  readonly to?: string
}

export interface LimitTree {
  readonly rate: string
  readonly burst: number
}

export interface FieldsTree {
  readonly set?: Readonly<Record<string, string>>
  readonly remove?: readonly string[]
}

export interface FrontendTree {
  readonly bind: readonly string[]
  readonly mode?: 'tcp'
  readonly routes?: readonly RouteTree[]
  readonly to?: string
  readonly tls?: Readonly<Record<string, unknown>>
  readonly access_log?: Readonly<Record<string, string>>
  readonly forwarded?: { readonly request_id: true }
  readonly limits?: readonly LimitTree[]
  readonly request_headers?: FieldsTree
  readonly response_headers?: FieldsTree
  readonly timeouts?: Readonly<Record<string, string>>
  readonly max_connections?: number
  readonly accept_proxy?: readonly string[]
  readonly error_pages?: Readonly<Record<string, string>>
}

export interface FileTree {
  readonly edges?: number
  readonly metrics?: string
  readonly stats_socket?: string | { readonly path: string; readonly mode: string }
  readonly services: Readonly<Record<string, ServiceTree>>
  readonly frontends: Readonly<Record<string, FrontendTree>>
}
