// `alwayson check`: is the file right? Every fault at once, and nothing that runs is touched.

import type { Parsed, Spec } from '../spec/model.ts'
import { type ExitCode, exit } from './exit.ts'
import type { Ports } from './ports.ts'
import { problemLines } from './view/problems.ts'
import { paintOf } from './view/style.ts'
import { counted } from './view/words.ts'

/** A file, with what was made of it. */
export interface CheckedFile {
  readonly path: string
  /** The path as a person here would type it. */
  readonly shown: string
  readonly text: string
  readonly parsed: Parsed
  /** What a person should know of a file that is right. */
  readonly remark: string | undefined
}

/** Says what is wrong with the file, or that nothing is. */
export function check(
  ports: Pick<Ports, 'out' | 'err'>,
  { path, shown, text, parsed, remark }: CheckedFile,
  options: { readonly json?: boolean },
): ExitCode {
  const problems = parsed.kind === 'problems' ? parsed.problems : []
  const code = problems.length === 0 ? exit.done : exit.bad
  if (options.json) {
    const answer = { file: path, ok: problems.length === 0, problems }
    ports.out.write(`${JSON.stringify(answer, undefined, 2)}\n`)
  } else if (parsed.kind === 'problems') {
    const here = problems.map((each) => ({ ...each, place: { ...each.place, file: shown } }))
    ports.err.write(`${problemLines(here, text, paintOf(ports.err)).join('\n')}\n`)
  } else {
    ports.out.write(`${shown}: right: ${contents(parsed.spec)}\n`)
    if (remark !== undefined) ports.err.write(`${remark}\n`)
  }
  return code
}

/** The spec of a file that has to be right; `undefined` when it is not, which has been shown. */
export function rightSpec(ports: Pick<Ports, 'out' | 'err'>, file: CheckedFile): Spec | undefined {
  if (file.parsed.kind === 'problems') {
    check(ports, file, {})
    return undefined
  }
  if (file.remark !== undefined) ports.err.write(`${file.remark}\n`)
  return file.parsed.spec
}

function contents(spec: Spec): string {
  const services = Object.values(spec.services)
  const servers = services.reduce(
    (sum, service) => sum + (service.kind === 'run' ? service.replicas : service.servers.length),
    0,
  )
  const frontends = counted(Object.keys(spec.frontends).length, 'frontend')
  return `${counted(services.length, 'service')} (${counted(servers, 'server')}), ${frontends}`
}
