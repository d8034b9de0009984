// How does it look? One page for people, complete in itself: states as colours, times as a curve of
// their spread. It asks for itself again every two seconds. Pure.

import { routingOf } from '../balancing/engine.ts'
import { bucketBounds, Histogram } from '../control/histogram.ts'
import { healthOf } from './health.ts'
import type { Scene, ServerScene, ServiceScene } from './model.ts'
import { exactPerSecond, recentTimes, serverCounts } from './sums.ts'

const style = `
:root{color-scheme:light dark;--good:#2a9d5c;--bad:#d1495b;--warn:#d9a21b;--faint:#8a8f98}
body{font:15px/1.45 system-ui,sans-serif;max-width:76rem;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
.faint{color:var(--faint)}.dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;
margin-right:.45em;background:var(--faint)}.good{background:var(--good)}.bad{background:var(--bad)}
.warn{background:var(--warn)}table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #8883;white-space:nowrap}
td:first-child,th:first-child{text-align:left}th{font-weight:500;color:var(--faint)}
td.why{text-align:left;white-space:normal;color:var(--faint)}svg{vertical-align:middle}
rect{fill:var(--good)}.strip{display:flex;gap:3px;margin:.5rem 0}
.strip i{flex:1;height:1.1rem;border-radius:3px;max-width:6rem}`

/** The page. */
export function pageOf(scene: Scene): string {
  const health = healthOf(scene)
  const tone = { pass: 'good', warn: 'warn', fail: 'bad' }[health.status]
  const words = health.notes.length === 0 ? 'everything is up' : health.notes.join(', ')
  const { routing, wanted } = routingOf(scene.edges)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">
<title>${text(scene.name)}: ${text(words)}</title><style>${style}</style></head><body>
<h1><span class="dot ${tone}"></span>${text(scene.name)}: ${text(words)}</h1>
<p class="faint">Always On ${text(scene.version)} on ${text(scene.node)},
${routing} of ${wanted} edges route.
<a href="/metrics">metrics</a> · <a href="/stats;csv">csv</a> · <a href="/health">health</a></p>
${scene.services.map((service) => serviceHtml(scene, service)).join('\n')}
${frontendsHtml(scene)}
</body></html>
`
}

function serviceHtml(scene: Scene, service: ServiceScene): string {
  const times = recentTimes(scene, service.name)
  const strip = service.servers
    .map((server) => `<i class="${toneOf(server)}" title="${text(server.id)}"></i>`)
    .join('')
  const waiting = service.waiting > 0 ? `, ${service.waiting} wait` : ''
  return `<h2>${text(service.name)}
 <span class="faint">${service.up} of ${service.wanted} up${waiting}
 · ${perSecond(scene, service)}/s · half within ${length(times.quantile(0.5))},
 99 % within ${length(times.quantile(0.99))}</span> ${curve(times)}</h2>
<div class="strip">${strip}</div>
<table><tr><th>server</th><th>active</th><th>/s</th><th>requests</th><th>errors</th><th>50 %</th>
<th>99 %</th><th>weight</th><th>restarts</th><th></th></tr>
${service.servers.map((server) => serverHtml(scene, server)).join('\n')}</table>`
}

const perSecond = (scene: Scene, { servers }: ServiceScene): string =>
  figure(servers.reduce((sum, { id }) => sum + rateOf(scene, id), 0))

const rateOf = (scene: Scene, id: string): number =>
  exactPerSecond(
    scene,
    serverCounts(scene.before.totals, id).requests,
    serverCounts(scene.totals, id).requests,
  )

function serverHtml(scene: Scene, server: ServerScene): string {
  const counts = serverCounts(scene.totals, server.id)
  const times = new Histogram().merge(counts.time)
  const failed = counts.errors + counts.refused + counts.reset + counts.timedOut
  const why = server.ejected ?? (server.routed === 'up' ? '' : (server.check?.reason ?? ''))
  const cells = [
    String(server.active),
    figure(rateOf(scene, server.id)),
    figure(counts.requests),
    figure(failed),
    length(times.quantile(0.5)),
    length(times.quantile(0.99)),
    String(server.weight),
    server.process === undefined ? '' : String(server.process.restarts),
  ]
  return `<tr><td><span class="dot ${toneOf(server)}"></span>${text(server.id)}
 <span class="faint">${text(`${server.host}:${server.port}`)}</span></td>
${cells.map((cell) => `<td>${text(cell)}</td>`).join('')}<td class="why">${text(why)}</td></tr>`
}

function toneOf({ routed, ejected, verdict }: ServerScene): string {
  if (routed === 'up') return ejected === undefined ? 'good' : 'bad'
  return routed === 'draining' || verdict === 'unknown' ? 'warn' : 'bad'
}

function frontendsHtml(scene: Scene): string {
  const rows = scene.frontends.map((frontend) => {
    const counts = scene.totals.frontends.get(frontend.name)
    const before = scene.before.totals.frontends.get(frontend.name)
    const answers = counts?.answers ?? []
    const cells = [
      String(frontend.connections),
      figure(exactPerSecond(scene, before?.requests ?? 0, counts?.requests ?? 0)),
      figure(counts?.requests ?? 0),
      ...[2, 3, 4, 5, 0].map((digit) => figure(answers[digit] ?? 0)),
      String(frontend.held),
    ]
    return `<tr><td>${text(frontend.name)} <span class="faint">
${text(frontend.addresses.join(', '))}</span></td>
${cells.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`
  })
  return `<h2>frontends</h2><table><tr><th>frontend</th><th>connections</th><th>/s</th>
<th>requests</th><th>2xx</th><th>3xx</th><th>4xx</th><th>5xx</th><th>none</th><th>wait</th></tr>
${rows.join('\n')}</table>`
}

/** The spread of times: a bar for each bucket from the first to the last that holds any. */
function curve(times: Histogram): string {
  const counts = [...times.buckets]
  const first = counts.findIndex((count) => count > 0)
  const last = counts.findLastIndex((count) => count > 0)
  if (first < 0) return ''
  const shown = counts.slice(first, last + 1)
  const most = Math.max(...shown)
  const bars = shown.map((count, index) => {
    const height = Math.max(count > 0 ? 1 : 0, Math.round((count / most) * 22))
    const bound = length(bucketBounds[first + index])
    return `<rect x="${index * 5}" y="${24 - height}" width="4" height="${height}"><title>${text(
      `${figure(count)} up to ${bound}`,
    )}</title></rect>`
  })
  return `<svg width="${shown.length * 5}" height="24" role="img"
 aria-label="how times are spread">${bars.join('')}</svg>`
}

/** Milliseconds in three figures. */
function length(time: number | undefined): string {
  if (time === undefined) return '–'
  if (time >= 10_000) return `${Math.round(time / 1000)} s`
  return time >= 1000 ? `${(time / 1000).toFixed(1)} s` : `${Number(time.toPrecision(2))} ms`
}

function figure(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} M`
  if (count >= 1e4) return `${(count / 1e3).toFixed(1)} k`
  return String(count >= 10 ? Math.round(count) : Number(count.toFixed(1)))
}

const text = (raw: string): string =>
  raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
