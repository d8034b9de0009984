// Do the databases agree with the rest of the file, and with each other? Ports that must differ,
// names that people use for one thing only.

import type { DatabasePlan } from '../databases/model.ts'
import { type Listener, overlap } from './agree.ts'
import type { Spec } from './model.ts'
import type { LooseFile, Site } from './site.ts'
import { formatPath, type Path } from './tree.ts'

/** Reports everything that does not. */
export function agreeOnDatabases(raw: LooseFile, spec: Spec, site: Site): void {
  const { databases } = raw
  if (databases !== undefined && Object.keys(databases).length === 0) {
    site.fault(['databases'], 'there is no database here', 'name at least one', { absence: true })
  }
  if (raw.services === undefined && databases === undefined && !site.has(['services'])) {
    site.fault(
      [],
      '`services` is missing',
      'add `services`: what has to stay up, by name; or `databases`',
      { absence: true },
    )
  }
  agreeOnPorts(raw, spec, site)
  for (const plan of Object.values(spec.databases)) agreeOnNames(plan, spec, site)
}

/** A listener, and what it is for people. */
interface Claim extends Listener {
  readonly what: string
  /** A server that something else runs. */
  readonly isAdopted?: boolean
  /** The file does not say the port: it is the one that was chosen. */
  readonly isChosen?: boolean
}

function agreeOnPorts(raw: LooseFile, spec: Spec, site: Site): void {
  const claims: Claim[] = [...othersOf(spec)]
  for (const plan of Object.values(spec.databases)) {
    for (const claim of claimsOf(plan, raw, site)) {
      const other = claims.find((one) => overlap(one, claim))
      claims.push(claim)
      if (other === undefined) continue
      const remedy = claim.isChosen
        ? 'give the members other ports: `members: { ports: 7001 }`'
        : 'give one of them another port'
      if (claim.isAdopted && other.isAdopted) {
        const twice = `\`${site.shown(claim.path)}\` stands here twice: it is ${other.what}`
        site.fault(claim.path, twice, 'leave one out')
        continue
      }
      const message = `port ${claim.port} of ${claim.what} is taken: ${other.what} listens there`
      site.fault(claim.path, message, remedy, { at: claim.isChosen ? 'key' : 'value' })
    }
  }
}

/** What the other sections listen on. */
function* othersOf({ frontends, metrics, coordination }: Spec): Generator<Claim> {
  for (const { name, binds } of Object.values(frontends)) {
    const path = ['frontends', name, 'bind']
    for (const bind of binds) yield { ...bind, path, what: formatPath(['frontends', name]) }
  }
  if (metrics !== undefined) yield { ...metrics, path: ['metrics'], what: '`metrics`' }
  if (coordination.kind !== 'managed') return
  for (const { name, address } of coordination.members) {
    for (const port of Object.values(coordination.ports)) {
      const what = `the ensemble’s server on \`${name}\``
      yield { host: address, port, path: ['coordination'], what }
    }
  }
}

function* claimsOf(plan: DatabasePlan, raw: LooseFile, site: Site): Generator<Claim> {
  const path: Path = ['databases', plan.name]
  const nearest = (at: Path): Path => (site.has(at) ? at : at.slice(0, -1))
  for (const door of ['write', 'read'] as const) {
    const bind = plan.bind[door]
    const at = nearest([...path, 'bind', door])
    if (bind === undefined) continue
    yield { ...bind, path: at, what: `the ${door} address of ${plan.name}` }
  }
  const written = raw.databases?.[plan.name]?.members
  const isList = Array.isArray(written)
  if (isList && written.length !== plan.members.length) return
  for (const [index, { name, host, port }] of plan.members.entries()) {
    const own = isList ? [...path, 'members', index, 'at'] : [...path, 'members', 'ports', index]
    const all = [...path, 'members', 'ports']
    const isChosen = !isList && !site.has(all)
    const at = site.has(own) ? own : isChosen ? path : all
    yield { host, port, path: at, what: `member ${name}`, isChosen, isAdopted: isList }
  }
}

/** `alwayson why orders` has to know which one is meant. */
function agreeOnNames({ name, members }: DatabasePlan, spec: Spec, site: Site): void {
  const path: Path = ['databases', name]
  for (const section of ['services', 'frontends'] as const) {
    if (spec[section][name] === undefined) continue
    const message = `\`${name}\` is also the name of ${formatPath([section, name])}`
    site.fault(path, message, 'choose another name', { at: 'key' })
  }
  for (const member of members) {
    const owner = ownerOf(member.name, spec)
    if (owner === undefined) continue
    const message = `a member of it is called \`${member.name}\`, and so is ${owner}`
    site.fault(path, message, 'choose another name', { at: 'key' })
    return
  }
}

/** What else in the file may have the name of a member. */
function ownerOf(member: string, spec: Spec): string | undefined {
  for (const section of ['services', 'frontends', 'databases'] as const) {
    if (spec[section][member] !== undefined) return formatPath([section, member])
  }
  for (const service of Object.values(spec.services)) {
    if (service.kind !== 'servers') continue
    if (service.servers.some(({ id }) => id === member))
      return `a server of services.${service.name}`
  }
  return undefined
}
