// The four-letter words look as Apache ZooKeeper's do, so that what reads those reads ours.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEmbedded } from '../engines/embedded.ts'
import { openRawClient } from '../engines/raw-client.ts'
import { openCreateAcl } from '../engines/raw-records.ts'
import { fourLetterWord, openZooKeeper, zookeeperMissing } from '../engines/zookeeper.ts'

const words = ['srvr', 'stat', 'cons', 'conf', 'dump', 'wchs', 'wchc', 'wchp', 'dirs'] as const
const plain = ['ruok', 'isro', 'crst', 'srst'] as const

/** What is left of an answer when everything that counts, names or dates is taken out. */
const shape = (answer: string): readonly string[] =>
  answer
    .replace(/^Zookeeper version: .*$/m, 'Zookeeper version: V')
    .replace(/^(data\w*Dir)=.*$/gm, '$1=D')
    .replace(/\w{3} \w{3} \d\d? \d\d:\d\d:\d\d \w+ \d{4}/g, 'DATE')
    .replace(/0x[0-9a-f]+/g, 'HEX')
    .replace(/\d+\.\d+(\.\d+\.\d+)?/g, 'N')
    .replace(/\d+/g, 'N')
    // A connection that asks for a word has no session yet, and may be shown or gone.
    .replace(/^ \/N:N\[N\]\(queued=N,recved=N,sent=N\)\n/gm, '')
    .replace(/^\tip: \/N:N sessionId: HEX\n/gm, '')
    .replace(/^N expire at DATE:\n/gm, '')
    .replace(/(Sets) \(N\)\/\(N\)/g, '$1')
    .split('\n')

async function answersOf(port: number): Promise<ReadonlyMap<string, string>> {
  using client = await openRawClient(port)
  await client.hello()
  const node = { path: '/word', data: null, acl: openCreateAcl, flags: 1 }
  await client.ask('create', node)
  await client.ask('exists', { path: '/word', watch: true })
  await client.ask('getChildren', { path: '/', watch: true })
  const answers = new Map<string, string>()
  for (const word of [...words, 'mntr', 'envi', ...plain]) {
    answers.set(word, await fourLetterWord(port, word))
  }
  return answers
}

test('answers the words in the shapes of Apache', { skip: zookeeperMissing() }, async () => {
  await using apache = await openZooKeeper()
  await using embedded = await openEmbedded({ limits: { timeoutMostMs: 10_000 } })
  const theirs = await answersOf(apache.port)
  const ours = await answersOf(embedded.port)
  for (const word of words) {
    assert.deepEqual(shape(ours.get(word) ?? ''), shape(theirs.get(word) ?? ''), word)
  }
  for (const word of plain) assert.equal(ours.get(word), theirs.get(word), word)
})

const keysOf = (answer: string, separator: string): ReadonlySet<string> =>
  new Set(
    answer
      .trim()
      .split('\n')
      .map((line) => line.split(separator)[0] ?? ''),
  )

test('monitors under the names of Apache', { skip: zookeeperMissing() }, async () => {
  await using apache = await openZooKeeper()
  await using embedded = await openEmbedded()
  const theirs = keysOf((await answersOf(apache.port)).get('mntr') ?? '', '\t')
  const ours = keysOf((await answersOf(embedded.port)).get('mntr') ?? '', '\t')
  const own = ['zk_tree_memory_size', 'zk_log_size', 'zk_snapshot_size']
  for (const key of ours) assert.ok(theirs.has(key) || own.includes(key), `${key} is not Apache's`)
  const needed = ['version', 'server_state', 'znode_count', 'watch_count', 'ephemerals_count']
  for (const key of [...needed, 'avg_latency', 'outstanding_requests', 'num_alive_connections']) {
    assert.ok(ours.has(`zk_${key}`), `${key} is missing`)
  }
})

test('answers only the words it is told to', async () => {
  await using server = await openEmbedded({ words: ['ruok'] })
  assert.equal(await fourLetterWord(server.port, 'ruok'), 'imok')
  assert.equal(
    await fourLetterWord(server.port, 'dump'),
    'dump is not executed because it is not in the whitelist.\n',
  )
  assert.equal(await fourLetterWord(server.port, 'nope').catch(() => ''), '')
})
