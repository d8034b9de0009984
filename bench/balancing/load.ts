// The words of this benchmark: a balancer under test, a load on it, and what that showed.

/** What the balancers are set up as. */
export interface Setting {
  readonly front: 'http' | 'tcp' | 'tls'
  /** Edges, threads of HAProxy, workers of nginx. */
  readonly processes: 1 | 2
  /** Where the requests end. */
  readonly origin: 'nginx' | 'echo'
}

/** Keep-alive HTTP through one process to nginx: what most loads want. */
export const plain: Setting = { front: 'http', processes: 1, origin: 'nginx' }

/** Where the origin listens, and a folder for files. */
export interface Place {
  readonly folder: string
  readonly origins: readonly number[]
}

/** A balancer that runs. */
export interface OpenProxy extends AsyncDisposable {
  readonly port: number
  /** What its cost is counted in. */
  readonly pids: readonly number[]
  /** Where it shows its metrics, if it does. */
  readonly metrics?: number
}

/** A balancer that can be started. */
export interface ProxyKind {
  readonly name: string
  /** The loads that it is there for, by their short ids; for all without it. */
  readonly onlyFor?: readonly string[]
  /** Whether it can be set up so. */
  can(setting: Setting): boolean
  start(place: Place, setting: Setting): Promise<OpenProxy>
}

/** What one run showed. What a load does not show is not a number. */
export interface Run {
  /** What it is about: as `Load.unit` says. */
  readonly cost: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number
}

/** One load, put on every balancer in turn. */
export interface Load {
  readonly name: string
  /** For the RATIO lines: `cpu_per_request_16k`. */
  readonly id: string
  readonly unit: 'CPU µs' | 'KiB' | 'p99 ms' | 'ms late'
  readonly setting: Setting
  /** Only this one can tell. */
  readonly only?: string
  /** The most that the ratio to HAProxy should be, where there is a goal. */
  readonly goal?: number
  measure(proxy: OpenProxy, seconds: number): Promise<Run>
}
