// Turns an HAProxy configuration into a file for Always On, and says of each line what became of
// it. Loaded only when there is one.

import { basename } from 'node:path'
import { type Ledger, openLedger } from './ledger.ts'
import type { Imported, Section } from './model.ts'
import { openNamer, plainName } from './names.ts'
import { openPages } from './pages.ts'
import { readConfiguration } from './proxies.ts'
import { render } from './render.ts'
import { readSections } from './sections.ts'
import { toFrontends } from './to-frontends.ts'
import { toServices } from './to-services.ts'
import type { FileTree } from './tree.ts'

export interface ImportInput {
  readonly text: string
  /** The path of the configuration; its name appears in remarks. */
  readonly file: string
  /** Gives an error file by the path that the configuration names; throws if it cannot. */
  readFile(path: string): string
}

/** The file for Always On, and what became of each line. Never throws, whatever the text. */
export function importHaproxy({ text, file, readFile }: ImportInput): Imported {
  const ledger = openLedger()
  const sections = readSections(text.replace(/^\uFEFF/, ''), ledger)
  const configuration = readConfiguration(sections, ledger)
  const services = toServices(configuration, openNamer(40, plainName), ledger)
  const { pageOf, pages } = openPages(readFile, ledger)
  const frontends = toFrontends(configuration, services, openNamer(40, plainName), ledger, pageOf)
  for (const { line, lines } of configuration.proxies.filter((proxy) => proxy.isDisabled)) {
    for (const one of [line, ...lines]) ledger.drop(one, 'its section is disabled')
  }
  settleRest(sections, ledger)
  const { statsSocket } = configuration
  const tree: FileTree = {
    ...(configuration.edges === undefined ? {} : { edges: configuration.edges }),
    ...(frontends.metrics === undefined ? {} : { metrics: frontends.metrics }),
    ...(statsSocket === undefined ? {} : { stats_socket: statsSocket }),
    services: services.trees,
    frontends: frontends.trees,
  }
  const lines = { ...services.lines, ...frontends.lines }
  const { carried, notCarried } = ledger
  const isEmpty = Object.keys(services.trees).length === 0
  return {
    yaml: isEmpty ? undefined : render({ tree, file: basename(file), notCarried, lines }),
    pages: isEmpty ? [] : pages,
    carried,
    notCarried,
    lines,
  }
}

/** What only a frontend could use, where there is none, or none any more. */
function settleRest(sections: readonly Section[], ledger: Ledger): void {
  for (const line of sections.flatMap((section) => section.lines)) {
    if (ledger.has(line)) continue
    const isPage = line.words[0] === 'errorfile'
    const reason = isPage ? 'pages belong to frontends in HTTP mode' : 'no frontend uses it'
    ledger.drop(line, reason, { loss: isPage ? 'something' : 'nothing' })
  }
}
