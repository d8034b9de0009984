// An agent reduced to its host, to be killed: starts what it is told and says what runs.
//
//   host-process STATE TEMPLATE-JSON ID...

import { openRandom } from '../../src/foundation/random.ts'
import { openClock } from '../../src/foundation/time.ts'
import { openProcessHost } from '../../src/services/engines/process/host.ts'
import type { RunTemplate } from '../../src/services/model.ts'

const [folder = '', template = '', ...ids] = process.argv.slice(2)
const host = await openProcessHost({
  folder,
  clock: openClock(),
  random: openRandom(),
  version: 'test',
  listener: { changed: say, event: () => undefined },
})
for (const id of ids) {
  host.start({ id, service: 'web', revision: 1, template: JSON.parse(template) as RunTemplate })
}

function say(): void {
  const seen = host.observe()
  if (seen.length < ids.length || seen.some(({ state }) => state.kind !== 'running')) return
  process.stdout.write(`${JSON.stringify(seen)}\n`)
}
