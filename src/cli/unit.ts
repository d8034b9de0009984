// `alwayson unit`: the systemd unit that keeps the agent of one file running. It only prints.

import { basename, dirname } from 'node:path'
import type { Milliseconds } from '../foundation/time.ts'
import type { Spec } from '../spec/model.ts'
import { exit } from './exit.ts'

/** What the unit depends on. */
export interface UnitFacts {
  readonly spec: Spec
  readonly file: string
  /** How this very program is started: node, then its entry file. */
  readonly command: readonly string[]
  /** The state folder, if one was named. */
  readonly state: string | undefined
  readonly user: { readonly name: string; readonly isRoot: boolean }
  /** The variables of the environment that the file refers to. */
  readonly variables: readonly string[]
}

/** The text of the unit, with the reason beside each line that is not usual. */
export function unitText(facts: UnitFacts): string {
  const { spec, file, state, user } = facts
  const name = basename(dirname(file))
  const stateArguments = state === undefined ? [] : ['--state', state]
  const run = (...verb: readonly string[]): string =>
    [...facts.command, ...verb, file, ...stateArguments].map(quoted).join(' ')
  const ports = Object.values(spec.frontends).flatMap(({ binds }) => binds.map(({ port }) => port))
  const low = ports.some((port) => port < 1024) && !user.isRoot
  return `# Always On keeps ${spec.name} up, as ${file} says.
#
#   ${unitName(spec.name)} goes to /etc/systemd/system, then:
#   systemctl daemon-reload && systemctl enable --now ${unitName(spec.name)}
#
# systemctl stop ends everything in order; systemctl restart would, too. To exchange the agent
# alone (an upgrade), with nothing that it keeps up noticing: alwayson down --agent-only
[Unit]
Description=Always On: ${specifier(spec.name)} (${specifier(name)})
Wants=network-online.target
After=network-online.target
# It is tried again for ever: giving up is not what it is for.
StartLimitIntervalSec=0

[Service]
Type=exec
User=${user.name}
WorkingDirectory=${specifier(dirname(file))}
${environmentLines(facts)}ExecStart=${run('up')}
ExecReload=${run('apply')}
# Only when systemd ends it: an agent that has ended by itself leaves its replicas running.
ExecStop=/bin/sh -c '[ -z "$$MAINPID" ] || exec "$$@"' alwayson ${run('down')}
TimeoutStopSec=${Math.ceil(longestStop(spec) / 1000)}
Restart=always
RestartSec=1
# An agent that was told \`alwayson down\` ends with ${exit.toldToEnd}: that is no failure
# (SuccessExitStatus), and it is not started again (RestartPreventExitStatus, which goes before
# Restart; systemd.service(5)). systemctl start does so, and so does the next boot.
SuccessExitStatus=${exit.toldToEnd}
RestartPreventExitStatus=${exit.toldToEnd}
# The agent alone: edges and replicas outlive it, and the next agent adopts them.
KillMode=process
# Each connection of a client is two of these.
LimitNOFILE=1048576
TasksMax=infinity
${low ? '# A port below 1024 without being root.\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n' : ''}
[Install]
WantedBy=multi-user.target
`
}

/** `alwayson-shop.service` */
export const unitName = (name: string): string =>
  `alwayson-${name.toLowerCase().replaceAll(/[^a-z0-9_.-]+/g, '-')}.service`

/** Secrets are not written into a unit, which everybody may read: into a file beside it. */
function environmentLines({ variables, spec }: UnitFacts): string {
  if (variables.length === 0) return ''
  const path = `/etc/alwayson/${unitName(spec.name).replace(/\.service$/, '.env')}`
  return `# The file refers to ${variables.join(', ')}: NAME=value lines, for root alone (0600).
EnvironmentFile=${path}
`
}

/** From the end of accepting to the last SIGKILL, with some room. */
function longestStop(spec: Spec): Milliseconds {
  const services = Object.values(spec.services).flatMap((service) =>
    service.kind === 'run' ? [service.drainWithin + service.stopWithin] : [],
  )
  return (Math.max(0, ...services) + 30_000) as Milliseconds
}

/** Percent signs begin specifiers in every line of a unit (systemd.unit(5)). */
const specifier = (text: string): string => text.replaceAll('%', '%%')

/** An argument as a command line of a unit takes it (systemd.service(5), "Command lines"). */
function quoted(argument: string): string {
  const escaped = specifier(argument).replaceAll('$', '$$$$')
  if (/^[\w@%+=:,./$-]+$/.test(escaped)) return escaped
  return `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
