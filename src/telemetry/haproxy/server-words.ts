// `set server <bk>/<srv> …`: which server is meant, what is to be changed, and what is answered?

import type { Scene, ServerScene } from '../model.ts'
import { numbered } from './servers.ts'

/** What may be changed of a server. */
export interface ServerDeeds {
  tell(server: string, state: 'ready' | 'drain' | 'maint'): void
  weigh(server: string, weight: number): void
  move(server: string, host: string, port: number): void
  /** 0: no limit. */
  limit(server: string, most: number): void
}

/** What `then` says of the server called `backend/server`, by names or `#numbers`. */
export function findServer(
  scene: Scene,
  called: string | undefined,
  then: (server: ServerScene) => string,
): string {
  const [backend = '', name] = (called ?? '').split('/')
  if (backend === '' || name === undefined || name === '') return "Require 'backend/server'.\n"
  const service = numbered(scene).find(
    ([{ name: own }, iid]) => own === backend || `#${iid}` === backend,
  )?.[0]
  if (service === undefined) return 'No such backend.\n'
  const server = service.servers.find(({ id }, at) => id === name || `#${at + 1}` === name)
  return server === undefined ? 'No such server.\n' : then(server)
}

const usage = 'usage: set server <backend>/<server> addr | state | weight\n'

/** Does as the words after `set server` say. */
export function changeServer(rest: readonly string[], scene: Scene, deeds: ServerDeeds): string {
  const [called, what, ...values] = rest
  return findServer(scene, called, (server) => {
    switch (what) {
      case 'state':
        return setState(server, values[0], deeds)
      case 'weight':
        return setWeight(server, values[0], deeds)
      case 'addr':
        return setAddress(server, values, deeds)
      default:
        return usage
    }
  })
}

function setState({ id }: ServerScene, state: string | undefined, deeds: ServerDeeds): string {
  if (state !== 'ready' && state !== 'drain' && state !== 'maint') {
    return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n"
  }
  deeds.tell(id, state)
  return ''
}

/** An absolute weight up to 256, or a share of the one in the file. */
function setWeight(
  { id, weightInFile }: ServerScene,
  text: string | undefined,
  deeds: ServerDeeds,
): string {
  if (text === undefined) return 'Require <weight> or <weight%>.\n'
  const match = /^(-?\d+)(%?)(.*)$/.exec(text)
  if (match === null) return 'Empty weight string empty or preceded by garbage'
  const [, digits = '', percent = '', trailing = ''] = match
  if (trailing !== '') return 'Trailing garbage in weight string.\n'
  const given = Number(digits)
  if (percent === '%' && given < 0) return 'Relative weight must be positive.\n'
  if (percent === '' && (given < 0 || given > 256)) {
    return 'Absolute weight can only be between 0 and 256 inclusive.\n'
  }
  const weight = percent === '%' ? Math.min(256, (weightInFile * given) / 100) : given
  deeds.weigh(id, weight)
  return ''
}

const by = "by 'stats socket command'\n"

function setAddress(server: ServerScene, values: readonly string[], deeds: ServerDeeds): string {
  const [host, word, portText] = values
  if (host === undefined) {
    return 'set server <b>/<s> addr requires an address and optionally a port.\n'
  }
  if (!/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i.test(host)) {
    return `Invalid addr '${host}' ${by}`
  }
  if (word !== undefined && word !== 'port') {
    return 'set server <b>/<s> addr requires an address and optionally a port.\n'
  }
  const port = portText === undefined ? server.port : Number(portText)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return `provided port is not an integer ${by}`
  const parts = [
    host === server.host
      ? 'no need to change the addr'
      : `IP changed from '${server.host}' to '${host}'`,
  ]
  if (portText !== undefined) {
    parts.push(
      port === server.port
        ? 'no need to change the port'
        : `port changed from '${server.port}' to '${port}'`,
    )
  }
  if (host !== server.host || port !== server.port) deeds.move(server.id, host, port)
  return `${parts.join(', ')} ${by}`
}
