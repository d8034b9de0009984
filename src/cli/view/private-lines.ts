// Which lines of a file may hold what is to stay a secret? Told from the text alone, since what is
// wrong may be that it cannot be read; in doubt a line is one of them. Pure.

/**
 * Keys whose values are handed on and never shown (see `x-private` in the schema), also where they
 * are written as elsewhere: `environment`.
 */
const privateKey = /(?<=^|[\s{,[-])(["']?)(?:env\w*|headers|password)\1\s*:(?=$|[\s{["'])/g

/** Whether a value at this path is one of them. */
export const isPrivatePath = (path: string): boolean =>
  /(^|\.)(env\w*|headers|password)([.[]|$)/.test(path)

/** The numbers, from one, of the lines that hold a part of a value of such a key. */
export function privateLines(source: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>()
  source.forEach((line, index) => {
    // Within a value that goes on: all that it holds is found already.
    if (found.has(index + 1) && found.has(index + 2)) return
    for (const { index: at, 0: key } of line.matchAll(privateKey)) {
      const begins = at + key.length
      const ends = endOf(source, index, begins)
      const own = isBlank(line.slice(begins)) ? 1 : 0
      for (let one = index + own; one < ends; one += 1) found.add(one + 1)
      if (ends > index + 1) return
    }
  })
  return found
}

const isBlank = (text: string): boolean => /^\s*(#.*)?$/.test(text)

/** The line after the value that begins in line `index` behind so many characters. */
function endOf(source: readonly string[], index: number, begins: number): number {
  const rest = source[index]?.slice(begins) ?? ''
  let first = index
  while (first < source.length && isBlank(first === index ? rest : (source[first] ?? '')))
    first += 1
  const value = first === index ? rest : (source[first] ?? '')
  const bracket = /^\s*(?:[&!]\S+\s*)?[{[]/.test(value)
  return bracket ? flowEnd(source, first, value) : blockEnd(source, index)
}

/** Behind the line in which every bracket is closed; behind the end, if one never is. */
function flowEnd(source: readonly string[], first: number, value: string): number {
  let depth = 0
  let quote = ''
  for (let index = first; index < source.length; index += 1) {
    for (const char of index === first ? value : (source[index] ?? '')) {
      if (quote !== '') quote = char === quote ? '' : quote
      else if (char === '"' || char === "'") quote = char
      else if (char === '{' || char === '[') depth += 1
      else if (char === '}' || char === ']') depth -= 1
      if (depth === 0 && (char === '}' || char === ']')) return index + 1
    }
  }
  return source.length + 1
}

/** Behind the lines that stand further in than the one with the key. */
function blockEnd(source: readonly string[], at: number): number {
  const indent = source[at]?.search(/\S/) ?? 0
  let index = at + 1
  while (index < source.length && (isEmpty(source[index]) || indentOf(source[index]) > indent)) {
    index += 1
  }
  return index
}

const isEmpty = (line = ''): boolean => line.trim() === ''
const indentOf = (line = ''): number => line.search(/\S/)
