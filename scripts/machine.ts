// What do the tests need from this machine, and how is it brought here? Knows Debian's packages;
// refuses to know what any test does with them.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Something that a test runs and that npm cannot bring. */
export interface Need {
  /** The Debian package that brings it. */
  readonly package: string
  /** A command on the path, or a file: where it is, the package is there. */
  readonly sign: string
  /** What is not tested where it is missing. */
  readonly tests: string
}

/** Where Debian keeps the library that gives a process another clock. */
export const clockLibrary = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`

/** All of them, in the order in which they are reported. */
export const needs: readonly Need[] = [
  { package: 'haproxy', sign: 'haproxy', tests: 'the import of haproxy.cfg beside HAProxy itself' },
  {
    package: 'prometheus-haproxy-exporter',
    sign: 'prometheus-haproxy-exporter',
    tests: 'statistics as Prometheus’ exporter for HAProxy reads them',
  },
  { package: 'nginx-light', sign: 'nginx', tests: 'the balancer in front of nginx as an origin' },
  { package: 'wrk', sign: 'wrk', tests: 'the balancer under load' },
  {
    package: 'zookeeper',
    sign: '/usr/share/java/zookeeper.jar',
    tests: 'the conformance of the embedded coordinator with Apache ZooKeeper',
  },
  {
    package: 'libservlet-api-java',
    sign: '/usr/share/java/servlet-api.jar',
    tests: 'the conformance of the embedded coordinator with Apache ZooKeeper',
  },
  {
    package: 'python3-kazoo',
    sign: '/usr/lib/python3/dist-packages/kazoo',
    tests: 'the embedded coordinator with a client that others wrote (kazoo)',
  },
  { package: 'mariadb-server', sign: 'mariadbd', tests: 'replicated MariaDB servers' },
  { package: 'pebble', sign: 'pebble', tests: 'certificates from an authority (ACME)' },
  { package: 'systemd', sign: 'systemd-analyze', tests: 'the systemd unit that is printed' },
  { package: 'strace', sign: 'strace', tests: 'what a process asks of the kernel' },
  { package: 'iproute2', sign: 'ip', tests: 'several machines, as network namespaces' },
  {
    package: 'libfaketime',
    sign: clockLibrary,
    tests: 'machines whose clocks jump',
  },
  { package: 'nftables', sign: 'nft', tests: 'machines that are cut off from each other' },
]

/** Services of Debian's packages must not start on their own while tests need only their files. */
const policy = '/usr/sbin/policy-rc.d'

const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']

const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether the command is on the path, or in the folders for administrators beside it. */
export const hasCommand = (name: string): boolean =>
  folders.some((folder) => canRun(join(folder, name)))

const isMet = (need: Need): boolean =>
  need.sign.startsWith('/') ? existsSync(need.sign) : hasCommand(need.sign)

/** The needs that this machine does not meet, of `wanted` or of all that tests have. */
export const missing = (wanted: readonly Need[] = needs): readonly Need[] =>
  wanted.filter((need) => !isMet(need))

/** How to become root without asking anybody: `undefined` when there is no way. */
function rootPrefix(): readonly string[] | undefined {
  if (process.getuid?.() === 0) return []
  if (!hasCommand('sudo')) return undefined
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined
}

function run(argv: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const [command = '', ...rest] = argv
  const done = spawnSync(command, rest, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
  })
  return { ok: done.status === 0, output: `${done.stdout ?? ''}${done.stderr ?? ''}` }
}

/**
 * Installs what is missing with apt, the services of the packages kept from starting. Returns why
 * that was not possible, or `undefined` when it was.
 */
export function install(wanted: readonly Need[]): string | undefined {
  if (!hasCommand('apt-get')) return 'there is no apt-get on this machine'
  const prefix = rootPrefix()
  if (prefix === undefined) return 'this user is neither root nor allowed to use sudo unasked'
  const update = run([...prefix, 'apt-get', 'update', '-q'])
  if (!update.ok) return `apt-get update failed:\n${lastLines(update.output)}`
  const packages = [...new Set(wanted.map((need) => need.package))]
  const ours = !existsSync(policy)
  const shell = (line: string): { readonly ok: boolean } => run([...prefix, 'sh', '-c', line])
  if (ours && !shell(`printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`).ok) {
    return `cannot write ${policy}, without which the services of packages would start`
  }
  try {
    const apt = [...prefix, 'apt-get', 'install', '-y', '-q', '--no-install-recommends']
    const installed = run([...apt, ...packages])
    return installed.ok ? undefined : `apt-get install failed:\n${lastLines(installed.output)}`
  } finally {
    if (ours) shell(`rm -f ${policy}`)
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-8).join('\n')
