// What do operators see: `log` with `option httplog`, `unique-id-header`, `stats socket`
// (configuration manual, sections 3.1 and 8)?

import type { Ledger } from './ledger.ts'
import type { Line, Settings } from './model.ts'
import type { FileTree, FrontendTree } from './tree.ts'

type Watching = Settings['watching']
type Read = (line: Line, before: Settings, ledger: Ledger) => Partial<Settings>

/** Nothing is logged unless the configuration says so. */
export const plainWatching: Watching = {
  hasTarget: false,
  logsRequests: false,
  onlyErrors: false,
  requestId: false,
}

const whereItIs = 'with `log`: in a file of its own, as JSON, which `alwayson logs` shows'

const change =
  (part: Partial<Watching>, note?: string): Read =>
  (line, { watching }, ledger) => {
    ledger.carry(line, note)
    return { watching: { ...watching, ...part } }
  }

/** The lines that `defaults` and proxies say it with. */
export const watchingReaders: Readonly<Record<string, Read>> = {
  log: change({ hasTarget: true }),
  'no log': change({ hasTarget: false }),
  'option httplog': change({ logsRequests: true }, whereItIs),
  'option httpslog': change({ logsRequests: true }, whereItIs),
  'option tcplog': change({ logsRequests: true }, whereItIs),
  'no option httplog': change({ logsRequests: false }),
  'no option tcplog': change({ logsRequests: false }),
  'log-format': change({ logsRequests: true }, whereItIs),
  'option dontlog-normal': change({ onlyErrors: true }),
  'no option dontlog-normal': change({ onlyErrors: false }),
  'unique-id-header': readIdHeader,
}

function readIdHeader(line: Line, { watching }: Settings, ledger: Ledger): Partial<Settings> {
  if (line.words[1]?.toLowerCase() !== 'x-request-id') {
    ledger.drop(line, 'the header of a request’s id is always X-Request-Id: see `forwarded`')
    return {}
  }
  ledger.carry(line, 'ids have a form of our own')
  return { watching: { ...watching, requestId: true } }
}

/** What a frontend tells of its requests. */
export function watchingTree({ watching, mode }: Settings): Partial<FrontendTree> {
  const { hasTarget, logsRequests, onlyErrors, requestId } = watching
  const only = onlyErrors ? 'errors' : 'all'
  return {
    ...(hasTarget && logsRequests ? { access_log: { only } } : {}),
    ...(requestId && mode === 'http' ? { forwarded: { request_id: true } } : {}),
  }
}

/** `stats socket PATH [mode N] [level …]` of `global`; `undefined` if it is no such line. */
export function readStatsSocket(line: Line, ledger: Ledger): FileTree['stats_socket'] {
  const [first, second, path = ''] = line.words
  if (first !== 'stats' || second !== 'socket') return undefined
  const plain = path.replace(/^unix@/, '')
  // The path of a Unix socket has at most 107 bytes (unix(7)).
  if (!/^\/[!-~]{1,106}$/.test(plain) || plain.includes('${')) return undefined
  const mode = /^0?([0-7]{3})$/.exec(line.words[line.words.indexOf('mode') + 1] ?? '')?.[1]
  ledger.carry(line, 'whoever may open it may change what runs, whatever its level')
  return mode === undefined ? plain : { path: plain, mode: `0${mode}` }
}
