// What would HAProxy say of its servers' states and connections? As `show servers state` and `show
// servers conn` do (management guide, 9.3). Pure.

import { since } from '../../foundation/time.ts'
import type { Scene, ServerScene, ServiceScene } from '../model.ts'
import { checkWords } from './checks.ts'

const stateHeader =
  '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight ' +
  'srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state ' +
  'srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl ' +
  'srv_check_port srv_check_addr srv_agent_addr srv_agent_port'

const connHeader =
  '# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb ' +
  'safe_nb idle_lim idle_cur idle_per_thr[1]'

/** A service and its number among the proxies: frontends come first, from 2. */
export const numbered = (scene: Scene): readonly (readonly [ServiceScene, number])[] =>
  scene.services.map((service, index) => [service, scene.frontends.length + index + 2])

/** Of one service, or of all; `undefined` if there is none of that name. */
function chosen(scene: Scene, name: string | undefined) {
  const all = numbered(scene)
  if (name === undefined) return all
  const found = all.filter(([service, iid]) => service.name === name || `#${iid}` === name)
  return found.length === 0 ? undefined : found
}

export function serversState(scene: Scene, name?: string): string | undefined {
  const services = chosen(scene, name)
  if (services === undefined) return undefined
  const lines = services.flatMap(([service, iid]) =>
    service.servers.map((server, index) => {
      const place = `${iid} ${service.name} ${index + 1} ${server.id}`
      return `${place} ${stateOf(scene, server)}\n`
    }),
  )
  return `1\n${stateHeader}\n${lines.join('')}`
}

/** How check statuses are numbered there. */
const statuses: Readonly<Record<string, number>> = {
  ...{ L4OK: 6, L4TOUT: 7, L4CON: 8, L7TOUT: 12, L7RSP: 13, L7OK: 15, L7STS: 17 },
}

function stateOf(scene: Scene, server: ServerScene): string {
  const { host, port, weight, weightInFile, check, told, verdict } = server
  const words = checkWords({ ...server, told: 'ready' })
  const isUp = verdict === 'up' && told !== 'maint'
  const fields = [
    host,
    isUp ? 2 : 0,
    told === 'maint' ? 1 : told === 'drain' ? 8 : 0,
    Math.round(weight),
    weightInFile,
    Math.floor(since(server.since, scene.now) / 1000),
    statuses[String(words.check_status)] ?? 1,
    check === undefined ? 0 : check.passed ? 3 : 2,
    told === 'maint' ? 0 : (words.check_health ?? 0),
    check === undefined ? 0 : told === 'maint' ? 14 : 6,
    ...[0, 0, 0, '-', port, '-', 0, 0, '-', '-', 0],
  ]
  return fields.join(' ')
}

export function serversConn(scene: Scene, name?: string): string | undefined {
  const services = chosen(scene, name)
  if (services === undefined) return undefined
  const lines = services.flatMap(([service, iid]) =>
    service.servers.map(({ id, host, port, active }, index) => {
      const peak = scene.peaks.get(`server ${id}`)?.active ?? 0
      const most = Math.max(peak, active)
      const counts = `${active} ${most} ${Math.max(1, active)} 0 0 -1 0 0`
      return `${service.name}/${id} ${iid}/${index + 1} ${host} ${port} - 4000 ${counts}\n`
    }),
  )
  return `${connHeader}\n${lines.join('')}`
}
