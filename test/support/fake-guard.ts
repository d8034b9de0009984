// A guard of a version to come: says a hello that nobody understands, and ends what it guards when
// it is asked by SIGTERM.
//
//   fake-guard STATE ID

import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { listenForLinks } from '../../src/control/link.ts'
import { bootId, identify } from '../../src/control/processes.ts'
import { guardPaths } from '../../src/services/guard/record.ts'

const [state = '', id = ''] = process.argv.slice(2)
const paths = guardPaths(state, id)
const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
const guard = identify(process.pid)
const status = {
  id,
  service: 'web',
  revision: 4,
  host: '127.0.0.1',
  port: 40_001,
  startedAt: Date.now(),
  failures: 0,
  restarts: 0,
  state: { kind: 'running', pid: child.pid, since: Date.now() },
  child: identify(child.pid ?? 0),
}
const record = { format: 9, boot: bootId(), version: '9.0.0', guard, stopSignal: 'SIGTERM', status }
await listenForLinks(paths.socket, (link) => {
  link.send({ kind: 'hello', protocol: 9, version: '9.0.0', guard, status })
  return { message: () => undefined, ended: () => undefined }
})
process.on('SIGTERM', () => {
  child.on('exit', () => {
    for (const path of [paths.record, paths.socket]) rmSync(path)
    process.exit(0)
  })
  child.kill()
})
writeFileSync(paths.record, JSON.stringify(record))
process.stdout.write('ready\n')
