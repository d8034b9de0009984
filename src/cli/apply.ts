// `alwayson apply`: make the changed file true, touching nothing that did not change.

import type { ApplyReport, RolledBack, ServiceStatus, Status } from '../agent/model.ts'
import type { DatabaseOverview } from '../databases/overview.ts'
import { Fault } from '../foundation/fault.ts'
import type { Milliseconds } from '../foundation/time.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { type Judgement, settle } from './settle.ts'
import { type Paint, paintOf } from './view/style.ts'

/** What `apply` may be told. */
export interface ApplyOptions {
  readonly dryRun?: boolean
  readonly wait: boolean
  readonly within: Milliseconds
  /** Of several machines: the version that is overruled although this file does not follow it. */
  readonly over?: number
}

/** A file that was read and found to be right. */
export interface RightFile {
  readonly path: string
  readonly text: string
  readonly env: Readonly<Record<string, string>>
}

/** Says what differs and what is done about it, does it, and waits until it is done. */
export async function apply(
  ports: Ports,
  file: RightFile,
  { dryRun = false, wait, within, over }: ApplyOptions,
): Promise<ExitCode> {
  const before = await ports.agent.ask('/status', {}, ports.interrupted)
  const question = { ...file, dryRun, ...(over === undefined ? {} : { over }) }
  const report = await ports.agent.ask('/apply', question, ports.interrupted)
  const follow = (): ExitCode | Promise<ExitCode> => {
    // What an earlier apply began may still be rolled back: whoever asks again waits for it, too.
    const isUnderWay =
      !report.rolledBack?.length && before.services.some(({ deploying }) => deploying)
    if (!report.changed && !isUnderWay) return sameAgain(ports, file.path, report, dryRun)
    ports.out.write(
      report.changed
        ? `${reportLines(report, dryRun, paintOf(ports.out)).join('\n')}\n`
        : `nothing differs: ${file.path} is being carried out\n`,
    )
    if (dryRun || !wait) return exit.done
    return settle(ports, (status) => judgeApply(status, before), within)
  }
  const code = await follow()
  for (const sentence of report.overruled ?? []) ports.out.write(`${sentence}\n`)
  return code
}

/**
 * The file is the one that was applied last: that is no success if it was rolled back. A dry run
 * was asked for the words alone.
 */
function sameAgain(ports: Ports, path: string, report: ApplyReport, dryRun: boolean): ExitCode {
  const { rolledBack = [] } = report
  if (rolledBack.length === 0) {
    ports.out.write(`nothing differs: ${path} is in force\n`)
    return exit.done
  }
  const line = `nothing differs, but ${rolledBack.map(describeRolledBack).join('; ')}`
  const again = rolledBack.map(({ service }) => `alwayson deploy ${service}`)
  const remedy = `mend it, or try again: ${again.join(', ')}`
  if (!dryRun) throw new Fault('failed', line, { remedy })
  ports.out.write(`${line}\n  ${remedy}\n`)
  return exit.done
}

const describeRolledBack = ({ service, revision, why, stays }: RolledBack): string =>
  `revision ${revision} of ${service} was rolled back: ${why}; revision ${stays} stays`

function reportLines(report: ApplyReport, dryRun: boolean, paint: Paint): readonly string[] {
  const { differences, actions, rolledBack = [] } = report
  const nothing = dryRun ? 'nothing would be done' : 'nothing has to be done about it'
  const same = 'nothing that the file says'
  return [
    paint('strong', 'what differs'),
    ...(differences.length === 0 ? [same] : differences).map((sentence) => `  ${sentence}`),
    paint('strong', dryRun ? 'what would be done' : 'what is done'),
    ...(actions.length === 0 ? [nothing] : actions).map((sentence) => `  ${sentence}`),
    ...rolledBack.map((one) => paint('doubtful', `${describeRolledBack(one)}: not tried again`)),
  ]
}

/** How far the file has come true since `before`. What was amiss then is not waited for. */
export function judgeApply(status: Status, before: Status): Judgement {
  const pairs = status.services.map((service) => ({
    service,
    old: before.services.find(({ name }) => name === service.name),
  }))
  const failed = pairs.flatMap(({ service, old }) => failureOf(service, old) ?? [])
  const busy = pairs.filter(({ service, old }) => isBusy(service, old) && !failureOf(service, old))
  const copying = (status.databases ?? []).filter((one) => isUnfinished(one, before))
  if (busy.length + copying.length > 0) {
    const lines = [
      ...busy.map(({ service: s }) => `${s.name} ${s.up} of ${s.wanted} up (${s.rule})`),
      ...copying.map((one) => `${one.name}: ${one.says} (${one.rule})`),
    ]
    return { kind: 'waiting', line: lines.join(', ') }
  }
  if (failed.length > 0) {
    const [first] = failed
    return {
      kind: 'failed',
      line: failed.map(({ line }) => line).join('; '),
      remedy: `read what it said: alwayson logs ${first?.name}; then mend the file and apply again`,
    }
  }
  const behind = status.services.filter((one) => one.rolledBack !== undefined)
  const but = behind.length === 0 ? '' : `, except for ${behind.map(({ name }) => name).join(', ')}`
  return { kind: 'done', line: `${status.name} is as the file says${but}` }
}

/** A database that is not well, and was, or was not there; or one that is being taken over. */
function isUnfinished({ name, standing, isAdopting }: DatabaseOverview, before: Status): boolean {
  const old = before.databases?.find((one) => one.name === name)
  if (isAdopting) return true
  return standing !== 'good' && (old === undefined || old.standing === 'good')
}

interface Failure {
  readonly name: string
  readonly line: string
}

function failureOf(service: ServiceStatus, old: ServiceStatus | undefined): Failure | undefined {
  const { name, rolledBack } = service
  if (rolledBack !== undefined && rolledBack.revision !== old?.rolledBack?.revision) {
    const { revision, why } = rolledBack
    return { name, line: `revision ${revision} of ${name} was rolled back: ${why}` }
  }
  if (service.rule === 'no-way-back' && service.revision !== old?.revision) {
    return { name, line: `revision ${service.revision} of ${name}: ${service.why}` }
  }
  const looping = service.servers.find(({ process }) => process?.state === 'crash-looping')
  const wasWell = old === undefined || old.up >= old.wanted
  if (looping !== undefined && wasWell && !service.deploying) {
    return { name, line: `${looping.id} does not come up: ${looping.reason}` }
  }
  return undefined
}

function isBusy(service: ServiceStatus, old: ServiceStatus | undefined): boolean {
  if (service.kind === 'servers') return false
  if (service.deploying || service.servers.length !== service.wanted) return true
  return service.up < service.wanted && (old === undefined || old.up >= old.wanted)
}
