// What do visitors see? HAProxy's error files are whole answers, our pages only their bodies.

import type { Ledger } from './ledger.ts'
import type { Page } from './model.ts'
import type { PageOf } from './to-frontends.ts'

export interface Pages {
  readonly pageOf: PageOf
  /** The bodies that are shown, each once. */
  readonly pages: readonly Page[]
}

const bytesMost = 256 * 1024

/** `readFile` gives a file by the path that the configuration names; it throws if it cannot. */
export function openPages(readFile: (path: string) => string, ledger: Ledger): Pages {
  const pages: Page[] = []
  const pathOf = (status: string, text: string): string => {
    const known = pages.find((page) => page.text === text && page.path.includes(`/${status}`))
    if (known !== undefined) return known.path
    const count = pages.filter((page) => page.path.includes(`/${status}`)).length
    const path = `./errors/${status}${count === 0 ? '' : `-${count + 1}`}.html`
    pages.push({ path, text })
    return path
  }
  return {
    pages,
    pageOf: (proxy, status) => {
      const said = proxy.errorFiles[status]
      if (said === undefined) return undefined
      const body = readBody(said.value, readFile)
      if ('reason' in body) return ledger.drop(said.line, body.reason)
      ledger.carry(said.line, 'the body of the answer; its head is Always On’s own')
      return pathOf(status, body.text)
    },
  }
}

type Body = { readonly text: string } | { readonly reason: string }

function readBody(path: string, readFile: (path: string) => string): Body {
  if (path === '/dev/null') return { reason: 'it takes a page away; Always On shows its own' }
  let text: string
  try {
    text = readFile(path)
  } catch (thrown) {
    return { reason: `the file cannot be read: ${(thrown as Error).message}` }
  }
  if (!text.startsWith('HTTP/')) return { reason: 'the file is no HTTP answer' }
  const end = /\r?\n\r?\n/.exec(text)
  const body = end === null ? '' : text.slice(end.index + end[0].length)
  if (body.trim() === '') return { reason: 'the answer has no body' }
  if (Buffer.byteLength(body) > bytesMost) return { reason: 'the body is larger than 256 KiB' }
  return { text: body }
}
