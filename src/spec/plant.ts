// Which values stand in the YAML document, and where? Follows aliases and merge keys, within
// bounds, and finds keys that are given twice. What the keys mean is not known here.

import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml'
import { limits } from './defaults.ts'
import type { Reporter } from './reporter.ts'
import type { Broken, Entry, MapTree, Path, Scalar, Tree } from './tree.ts'
import type { YamlSource } from './yaml.ts'

/** Grows the tree of a document; `undefined` if it is empty. */
export function plant(source: YamlSource, reporter: Reporter): Tree | undefined {
  const root = source.document.contents
  if (root === null || (isScalar(root) && root.value === null && !root.source)) return undefined
  return grower(source, reporter)(root, [], root.range[0])
}

type Grow = (node: unknown, path: Path, fallback: number) => Tree

function grower(source: YamlSource, reporter: Reporter): Grow {
  const followed = new Set<Node>()
  let aliased = 0
  let refused = false

  const grow: Grow = (node, path, fallback) => {
    if (isAlias(node)) return follow(node, path, fallback)
    const offset = offsetOf(node) ?? fallback
    if (followed.size > 0) aliased += 1
    if (path.length > limits.depth) return refuse(offset, path, 'this is nested too deeply')
    if (isMap(node)) return growMap(node.items as readonly Pair[], path, offset)
    if (isSeq(node)) {
      const items = node.items.map((item, index) => grow(item, [...path, index], offset))
      return { kind: 'list', offset, items }
    }
    return scalarOf(node, offset, source.text)
  }

  const refuse = (offset: number, path: Path, message: string): Broken => {
    if (!refused) reporter.report({ offset, path, message })
    refused = true
    return { kind: 'broken', offset }
  }

  const follow = (alias: Alias, path: Path, fallback: number): Tree => {
    const offset = offsetOf(alias) ?? fallback
    const target = alias.resolve(source.document)
    if (target === undefined) {
      reporter.report({
        offset,
        path,
        message: `\`*${alias.source}\` reads as a YAML alias, and there is no \`&${alias.source}\``,
        remedy: `if the star is part of the text, put it in quotes: \`"*${alias.source}"\``,
      })
      return { kind: 'broken', offset }
    }
    if (followed.has(target)) return refuse(offset, path, `\`*${alias.source}\` contains itself`)
    if (aliased > limits.aliasedNodes) {
      return refuse(offset, path, `aliases stand for more than ${limits.aliasedNodes} values`)
    }
    followed.add(target)
    const tree = grow(target, path, offset)
    followed.delete(target)
    return tree
  }

  const growMap = (pairs: readonly Pair[], path: Path, offset: number): MapTree => {
    const entries = new Map<string, Entry>()
    const inherited: Entry[] = []
    for (const pair of pairs) {
      const keyOffset = offsetOf(pair.key) ?? offset
      const key = keyText(pair.key)
      if (key === undefined) {
        reporter.report({
          offset: keyOffset,
          path,
          message: 'a key must be a single word',
          remedy: 'write `key: value`',
        })
      } else if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        inherited.push(...mergedEntries(pair.value, path, keyOffset))
      } else if (entries.has(key)) {
        const first = source.placeOf(entries.get(key)?.keyOffset ?? offset)
        reporter.report({
          offset: keyOffset,
          path: [...path, key],
          message: `\`${key}\` stands here a second time; the first is in line ${first.line}`,
          remedy: 'keep one of them',
        })
      } else {
        entries.set(key, { key, keyOffset, value: grow(pair.value, [...path, key], keyOffset) })
      }
    }
    for (const entry of inherited) if (!entries.has(entry.key)) entries.set(entry.key, entry)
    return { kind: 'map', offset, entries: [...entries.values()] }
  }

  const mergedEntries = (value: unknown, path: Path, offset: number): readonly Entry[] => {
    const tree = grow(value, path, offset)
    const maps = tree.kind === 'list' ? tree.items : [tree]
    return maps.flatMap((map) => {
      if (map.kind === 'map') return map.entries
      if (map.kind === 'broken') return []
      reporter.report({ offset: map.offset, path, message: '`<<` takes a map, or a list of maps' })
      return []
    })
  }
  return grow
}

function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  return key.source ?? (key.value === null ? '' : String(key.value))
}

function offsetOf(node: unknown): number | undefined {
  if (isPair(node)) return offsetOf(node.key)
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range
  return range?.[0]
}

const nothing = (offset: number): Scalar => ({
  kind: 'scalar',
  offset,
  end: offset,
  value: null,
  written: '',
})

function scalarOf(node: unknown, offset: number, text: string): Scalar {
  if (!isScalar(node)) return nothing(offset)
  const { value } = node
  const end = node.range?.[1] ?? offset
  const written = node.source ?? text.slice(offset, end)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return { kind: 'scalar', offset, end, value, written }
  }
  return { kind: 'scalar', offset, end, value: null, written }
}
