// The agent on a real machine: what it leaves running, adopts, refuses and ends.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Agent, openAgent } from '../../src/agent/agent.ts'
import { ask } from '../../src/agent/client.ts'
import { type StatePaths, statePaths } from '../../src/agent/paths.ts'
import { sweep } from '../../src/agent/sweep.ts'
import { identify } from '../../src/control/processes.ts'
import { Fault, type FaultCode } from '../../src/foundation/fault.ts'
import { parseSource } from '../../src/spec/read.ts'

const server = `
require('node:http')
  .createServer((request, response) => response.end(process.env.ALWAYSON_REPLICA))
  .listen(process.env.PORT, '127.0.0.1')
`

const fileOf = (replicas: number, note = ''): string => `
name: shop
services:
  web:
    run: [${JSON.stringify(process.execPath)}, server.cjs]
    replicas: ${replicas}
    check: /
    env: { NOTE: "${note}" }
`

const refusedAs = (code: FaultCode) => (thrown: unknown) =>
  thrown instanceof Fault && thrown.code === code && thrown.remedy !== undefined

suite('an agent', () => {
  let folder: string
  let paths: StatePaths
  const opened: Agent[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ao-agent-'))
    writeFileSync(join(folder, 'server.cjs'), server)
    paths = statePaths(join(folder, 'alwayson.yaml'), undefined)
  })
  afterEach(async () => {
    for (const agent of opened.splice(0)) await agent.down(true)
    await sweep(paths)
    rmSync(folder, { recursive: true, force: true })
  })

  const parse = async (text: string) => {
    const path = join(folder, 'alwayson.yaml')
    const parsed = await parseSource({ path, text }, {}, 2)
    assert.ok(parsed.kind === 'spec', JSON.stringify(parsed))
    return { spec: parsed.spec, file: { path, text, env: {} } }
  }

  const open = async (text: string): Promise<Agent> => {
    const read = await parse(text)
    const agent = await openAgent({ paths, read, parse: async (f) => (await parse(f.text)).spec })
    opened.push(agent)
    return agent
  }

  const web = (agent: Agent) => {
    const service = agent.status().services.find(({ name }) => name === 'web')
    assert.ok(service !== undefined)
    return service
  }

  const pids = (agent: Agent): readonly (number | undefined)[] =>
    web(agent).servers.map((each) => each.process?.pid)

  /** Waits until `holds`, for as long as a slow machine may take. */
  const until = async (agent: Agent, holds: () => boolean): Promise<void> => {
    for (const deadline = Date.now() + 30_000; !holds(); await delay(10)) {
      assert.ok(Date.now() < deadline, `waited in vain: ${JSON.stringify(web(agent), null, 1)}`)
    }
  }

  const steady = (agent: Agent, replicas: number) =>
    until(agent, () => web(agent).rule === 'steady' && web(agent).up === replicas)

  test('leaves everything running for the next one, which adopts it', async () => {
    const first = await open(fileOf(2))
    await steady(first, 2)
    const before = pids(first)
    await first.down(true)

    const second = await open(fileOf(2))
    assert.deepEqual(pids(second), before)
    assert.equal(web(second).up, 2, 'what was up is believed to be up from the first moment')
    await steady(second, 2)
    assert.deepEqual(pids(second), before)
    await second.down(false)
    for (const pid of before) assert.equal(identify(pid ?? 0), undefined)
  })

  test('exchanges replicas one by one when their template changes, and only then', async () => {
    const agent = await open(fileOf(2, 'old'))
    await steady(agent, 2)
    const before = pids(agent)
    const scaled = { path: join(folder, 'alwayson.yaml'), text: fileOf(3, 'old'), env: {} }
    const report = await ask(paths.socket, '/apply', { ...scaled, dryRun: false })
    assert.deepEqual(report.actions, ['start 1 more replica of web'])
    await steady(agent, 3)
    for (const pid of before) assert.ok(pids(agent).includes(pid), 'scaling touches no replica')

    await ask(paths.socket, '/apply', { ...scaled, text: fileOf(3, 'new'), dryRun: false })
    let fewest = 3
    await until(agent, () => {
      fewest = Math.min(fewest, web(agent).up)
      return web(agent).revision === 2 && web(agent).rule === 'steady' && !web(agent).deploying
    })
    assert.equal(fewest, 3, 'no moment with fewer than wanted')
    for (const pid of before) assert.ok(!pids(agent).includes(pid))
    await agent.down(false)
  })

  test('is alone: a second one for the same file is refused and told of the first', async () => {
    const agent = await open(fileOf(1))
    await assert.rejects(open(fileOf(1)), refusedAs('already-running'))
    await agent.down(false)
  })

  test('refuses a state of a newer format and leaves alone what runs', async () => {
    const agent = await open(fileOf(1))
    await steady(agent, 1)
    const [pid = 0] = pids(agent)
    await agent.down(true)
    const kept = readFileSync(paths.state, 'utf8')
    writeFileSync(paths.state, kept.replace('"format":1', '"format":99'))
    await assert.rejects(open(fileOf(1)), refusedAs('incompatible'))
    assert.notEqual(identify(pid), undefined)
    writeFileSync(paths.state, kept)
  })

  test('ends what a dead agent left running', async () => {
    const agent = await open(fileOf(2))
    await steady(agent, 2)
    const before = pids(agent)
    await agent.down(true)
    const swept = await sweep(paths)
    assert.deepEqual(swept.replicas.toSorted(), ['web-1', 'web-2'])
    for (const pid of before) assert.equal(identify(pid ?? 0), undefined)
  })

  test('keeps its socket and its files for this user alone', async () => {
    const agent = await open(fileOf(1))
    await steady(agent, 1)
    assert.equal(statSync(paths.folder).mode & 0o777, 0o700)
    assert.equal(statSync(paths.state).mode & 0o777, 0o600)
    assert.equal(statSync(paths.journal).mode & 0o777, 0o600)
    await agent.down(false)
  })
})
