// What goes through each door? The part of the status that clients feel. Pure.

import type { FrontendStatus, Status } from '../../agent/model.ts'
import { frontendKey, type Rates } from './rates.ts'
import type { Paint } from './style.ts'
import { type Column, cell, type Row, tableLines } from './table.ts'
import { count, counted } from './words.ts'

const columns = (rates: Rates | undefined): readonly Column[] => [
  { title: 'FRONTEND', align: 'left', dropped: 0 },
  { title: 'ADDRESS', align: 'left', dropped: 0 },
  { title: 'CONNS', align: 'right', dropped: 3 },
  ...(rates === undefined ? [] : [{ title: 'REQ/S', align: 'right', dropped: 0 } as const]),
  { title: 'REQS', align: 'right', dropped: 5 },
  { title: '4XX', align: 'right', dropped: 4 },
  { title: '5XX', align: 'right', dropped: 0 },
  { title: 'NONE', align: 'right', dropped: 0 },
  { title: 'HELD', align: 'right', dropped: 0 },
  { title: 'IN', align: 'right', dropped: 1 },
  { title: 'OUT', align: 'right', dropped: 2 },
]

/** The table of the frontends; nothing where there is none. */
export function frontendLines(
  { frontends }: Status,
  width: number,
  paint: Paint,
  rates?: Rates,
): readonly string[] {
  if (frontends.length === 0) return []
  const rows = frontends.map((frontend) => rowOf(frontend, rates))
  return ['', ...tableLines(columns(rates), rows, width, paint)]
}

function rowOf(frontend: FrontendStatus, rates: Rates | undefined): Row {
  const { connections, requests, answers, held, bytesIn, bytesOut } = frontend.traffic
  const isHttp = frontend.mode === 'http'
  const answered = (digit: number): number => answers[digit] ?? 0
  const failing = (number: number) => cell(count(number), number > 0 ? 'bad' : 'plain')
  const rate = rates?.get(frontendKey(frontend.name)) ?? 0
  const [first = '', ...more] = frontend.addresses
  return {
    cells: [
      cell(frontend.name, 'strong'),
      cell(first),
      cell(count(connections)),
      ...(rates === undefined ? [] : [cell(count(Math.round(rate)))]),
      cell(isHttp ? count(requests) : ''),
      cell(isHttp ? count(answered(4)) : ''),
      isHttp ? failing(answered(5)) : cell(''),
      failing(answered(0)),
      cell(count(held), held > 0 ? 'doubtful' : 'plain'),
      cell(count(bytesIn)),
      cell(count(bytesOut)),
    ],
    notes: [
      ...(more.length === 0 ? [] : [cell(`also on ${more.join(', ')}`, 'faint')]),
      ...maintenanceNotes(frontend),
      cell(routesOf(frontend), 'faint'),
      ...certificatesOf(frontend),
      ...storiesOf(frontend),
    ],
  }
}

/** What a frontend or a service is beside what traffic makes of it: closed, or kept open. */
export function maintenanceNotes({
  closed,
  overruled,
}: Pick<FrontendStatus, 'closed' | 'overruled'>): Row['notes'] {
  if (closed !== true && overruled === undefined) return []
  const state = closed === true ? 'closed for maintenance' : 'open, although the file closes it'
  const whose = overruled === undefined ? '' : ': an operator said so'
  return [cell(`${state}${whose}`, 'doubtful')]
}

/** `shows shop.example by Let's Encrypt, R11: it ends in 61 days` */
function certificatesOf({ certificates = [] }: FrontendStatus): Row['notes'] {
  return certificates.map(({ names, issuer, why, standing, problem }) => {
    const said = `shows ${names.join(', ')} by ${issuer}: ${why}`
    const whole = problem === '' ? said : `${said}; ${problem}`
    const isWell = problem === '' && standing === 'valid'
    return cell(whole, isWell ? 'faint' : standing === 'expired' ? 'bad' : 'doubtful')
  })
}

/** `/old to legacy, all else to web by roundrobin` */
function routesOf(frontend: FrontendStatus): string {
  const { routes, balance, redirect, certificates } = frontend
  const mode = `${frontend.mode}${certificates === undefined ? '' : ' over TLS'}`
  const said = routes.map(({ host = '', path = '', to }) => {
    const rest = routes.length > 1 ? 'all else' : 'all'
    return `${host + path || rest} ${to === undefined ? 'by rule' : `to ${to}`}`
  })
  if (redirect !== undefined) return `all to ${redirect} (${mode})`
  return `${said.join(', ')} (${mode}, ${balance})`
}

/** What clients did not notice because of it. */
function storiesOf({ traffic }: FrontendStatus): Row['notes'] {
  const { heldTotal, redispatched } = traffic
  const parts = [
    ...(heldTotal > 0 ? [`${counted(heldTotal, 'request')} waited for a server`] : []),
    ...(redispatched > 0 ? [`${counted(redispatched, 'request')} sent to another server`] : []),
  ]
  return parts.length === 0 ? [] : [cell(`so far ${parts.join(', ')}`, 'faint')]
}
