// What holds where the file is silent: right for two or three servers of an ordinary web app.

/** Defaults as the file would write them; the schema shows them, `settle` fills them in. */
export const defaults = {
  check: { every: '1s', timeout: '1s', fall: 2, rise: 2, method: 'GET', expect: '200-399' },
  agent: { every: '2s', timeout: '2s' },
  hold: { wait: '15s', requests: 10_000, memory: '64MiB' },
  serviceTimeouts: { connect: '1s', response: '60s' },
  keptBodies: { each: '64KiB', memory: '64MiB' },
  hedge: { mode: 'auto', share: 0.1, methods: 'safe' },
  replicas: 2,
  stop: { signal: 'SIGTERM', within: '10s' },
  ready: '60s',
  drain: '30s',
  restart: {
    first: '100ms',
    factor: 2,
    most: '30s',
    jitter: 0.2,
    well_after: '10s',
    loop_after: 5,
  },
  logs: { size: '10MiB', keep: 5 },
  server: { weight: 1, backup: false },
  statsSocketMode: '0600',
  forwarded: { as: 'x-forwarded', requestId: false },
  tracing: { sample: 1 },
  accessLog: { only: 'all', sample: 1, query: false, size: '100MiB', keep: 5 },
  mode: 'http',
  balance: 'random',
  hashBound: 1.25,
  slowStart: '0s',
  maintenanceRetry: '60s',
  sticky: { path: '/', same_site: 'Lax', wait: '1s', drain: 'keep' },
  /** `idle` holds in HTTP mode; a TCP connection that is silent may be a database session. */
  frontendTimeouts: { idle: '60s', idleTcp: '1h', head: '10s', tunnel: '1h', halfClosed: '10s' },
  slow: { below: '1KiB', for: '30s' },
  maxConnections: 50_000,
  /** What is spoken inside TLS in HTTP mode, the most wanted first (ALPN). */
  serverTls: { verify: true },
  redirect: { status: 308, port: 443 },
  acme: {
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    challenge: 'http-01',
  },
  tls: { min_version: 'TLSv1.2', protocols: ['h2', 'http/1.1'] },
  edgesLeast: 2,
  database: {
    members: 3,
    durability: 'quorum',
    failover: 'auto',
    within: '4s',
    readLag: '10s',
    hold: { wait: '30s', connections: 1000 },
    onDivergence: 'quarantine',
    backups: { every: '1d', keep: 7 },
    /** Chosen ports begin here: below those that systems give to clients (32768 and up). */
    ports: { first: 21_000, blocks: 600, each: 16 },
  },
  coordination: {
    session: '2s',
    memory: '256MiB',
    ports: { client: 2181, peer: 2888, election: 3888 },
    /** An ensemble of more only gets slower: five outlive the loss of two. */
    membersMost: 5,
  },
} as const

/** How much faster a doubtful server is asked, and the shortest pause between two questions. */
export const fastCheck = { share: 5, leastMs: 50 } as const

/** What a file may not exceed; beyond it we refuse to guess what was meant. */
export const limits = {
  fileBytes: 1024 * 1024,
  errorPageBytes: 256 * 1024,
  /** Nodes reached through aliases: a file that needs more is an alias bomb. */
  aliasedNodes: 10_000,
  depth: 64,
} as const
