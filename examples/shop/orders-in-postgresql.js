// Orders in a replicated PostgreSQL: whoever is primary, it is reached at the one address that
// DATABASE_URL names.

import { execFileSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 })
// A connection that ends while nobody uses it is simply replaced.
pool.on('error', (error) => console.error(`a connection ended: ${error.message}`))

const table = `CREATE TABLE IF NOT EXISTS orders (
  key text PRIMARY KEY, content jsonb NOT NULL, placed timestamptz NOT NULL DEFAULT now())`
const duplicate = new Set(['23505', '42P07'])
const triedFor = 20_000
let hasTable = false

/**
 * Runs `work` with a connection, again if that breaks: after a failover the next attempt meets the
 * new primary. Only for what may be done twice; an order may, for its key makes it the same order.
 */
async function persist(work) {
  const begun = Date.now()
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (!hasTable) {
        // Two replicas that make it at once: one of them finds it made.
        await pool.query(table).catch((thrown) => {
          if (!duplicate.has(thrown.code)) throw thrown
        })
        hasTable = true
      }
      return await work()
    } catch (thrown) {
      if (Date.now() - begun > triedFor) throw thrown
      console.error(`attempt ${attempt}: ${thrown.message}`)
      await pause(Math.min(50 * attempt, 500))
    }
  }
}

/** Keeps `order` under `key`, unless an order is there; resolves to the one that is kept. */
export const keepOrder = (key, order) =>
  persist(async () => {
    await pool.query(
      'INSERT INTO orders (key, content) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING',
      [key, order],
    )
    const { rows } = await pool.query('SELECT content FROM orders WHERE key = $1', [key])
    return rows[0].content
  })

/** How many orders there are, and which member is primary. */
export const keptOrders = () =>
  persist(async () => {
    const { rows } = await pool.query(
      `SELECT (SELECT count(*)::int FROM orders) AS count, pg_backend_pid() AS pid,
              current_setting('cluster_name') AS name`,
    )
    const [{ count, name, pid }] = rows
    return { count, primary: { name, pid: parentOf(pid) } }
  })

const parents = new Map()

/** The process of the server, which is the parent of the one that serves this connection. */
function parentOf(pid) {
  if (!parents.has(pid)) {
    if (parents.size > 100) parents.clear()
    const said = execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' })
    parents.set(pid, Number(said))
  }
  return parents.get(pid)
}
