// What the peers and the generators of load are made of, brought by apt where it is missing.

import { install, missing, type Need } from '../../scripts/machine.ts'

const tests = 'the cost of a request beside other balancers'

const needs: readonly Need[] = [
  { package: 'haproxy', sign: 'haproxy', tests },
  { package: 'nginx-light', sign: 'nginx', tests },
  {
    package: 'libnginx-mod-stream',
    sign: '/usr/lib/nginx/modules/ngx_stream_module.so',
    tests,
  },
  { package: 'wrk', sign: 'wrk', tests },
  { package: 'nghttp2-client', sign: 'h2load', tests },
  { package: 'openssl', sign: 'openssl', tests },
]

/** Installs what is missing; throws with the reason when that is not possible. */
export function bringNeeds(): void {
  const wanted = missing(needs)
  if (wanted.length === 0) return
  const why = install(wanted)
  if (why === undefined) return
  const names = wanted.map((need) => need.package).join(' ')
  throw new Error(`${why}\ninstall by hand: ${names}`)
}
