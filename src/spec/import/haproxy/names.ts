// Which names of HAProxy's can stay, and what are the others called? Every name once.

/** Makes every name different from those it gave before. */
export interface Namer {
  /** The name itself if it can stay, or one like it. */
  name(wanted: string, prefix?: string): string
}

/** Names of at most `most` characters, made plain by `plain`. */
export function openNamer(most: number, plain: (text: string) => string): Namer {
  const taken = new Set<string>()
  return {
    name: (wanted, prefix = '') => {
      let name = plain(wanted).slice(0, most)
      const longer = plain(`${prefix}${wanted}`).slice(0, most - 4)
      for (let number = 1; taken.has(name); number += 1) {
        name = number === 1 ? longer : `${longer}-${number}`
      }
      taken.add(name)
      return name
    },
  }
}

/** A name that a service or frontend of our file may have. */
export function plainName(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return /^[a-z]/.test(plain) ? plain : `b-${plain}`.replace(/-+$/, '')
}

/** A name that a server of our file may have. */
export function plainServerName(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+|-+$/g, '')
  return plain === '' ? 'server' : plain
}
