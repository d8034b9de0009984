// How much is below a path that has a quota, and may there be more? Quotas as Apache ZooKeeper
// keeps them: limits and counts in nodes below /zookeeper/quota (Quotas.java, StatsTrack.java).

import { bytesOf } from './bytes.ts'
import type { Tree } from './tree.ts'
import type { Znode } from './znode.ts'

const folder = '/zookeeper/quota'
const limitName = 'zookeeper_limits'
const statName = 'zookeeper_stats'

/** What a limit or a count says; -1 where it says nothing. */
interface Track {
  count: number
  bytes: number
  countHardLimit: number
  byteHardLimit: number
}

/** Reads `count=1,bytes=2=;byteHardLimit=-1;countHardLimit=5`. */
export function parseTrack(text: string): Track {
  const track: Track = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 }
  for (const pair of text.split(/[,;]+/)) {
    const [key, value] = pair.split('=')
    if (key !== undefined && key in track && /^-?\d+$/.test(value ?? '')) {
      track[key as keyof Track] = Number(value)
    }
  }
  return track
}

/** The quotas of a tree. What they count is derived: a snapshot and a log need not hold it. */
export class Quotas {
  #tree: Tree
  /** The paths that have a limit. */
  #limited = new Set<string>()

  constructor(tree: Tree) {
    this.#tree = tree
  }

  /** The longest path with a limit that is `path` or above it; the root has none. */
  #above(path: string): string | undefined {
    let here = path
    while (here.length > 1) {
      if (this.#limited.has(here)) return here
      here = here.slice(0, Math.max(0, here.lastIndexOf('/')))
    }
    return undefined
  }

  created(node: Znode): void {
    const path = this.#pathOf(node)
    if (path === undefined) return
    const limited = quotaOf(path, limitName)
    if (limited !== undefined) this.#limited.add(limited)
    const counted = quotaOf(path, statName)
    if (counted !== undefined) this.#recount(counted)
    this.#move(path, Math.max(0, node.dataLength), 1)
  }

  deleted(node: Znode, length: number): void {
    const path = this.#pathOf(node)
    if (path === undefined) return
    const limited = quotaOf(path, limitName)
    if (limited !== undefined) this.#limited.delete(limited)
    this.#move(path, -length, -1)
  }

  changed(node: Znode, grown: number): void {
    const path = this.#limited.size === 0 ? undefined : node.path.toString()
    if (path !== undefined) this.#move(path, grown, 0)
  }

  /** The node's path, if it can matter to a quota. */
  #pathOf(node: Znode): string | undefined {
    const own = node.path.length > folder.length && node.path[10] === 0x2f
    return this.#limited.size > 0 || own ? node.path.toString() : undefined
  }

  #statNode(limited: string): Znode | null {
    return this.#tree.node(`${folder}${limited}/${statName}`)
  }

  #move(path: string, bytes: number, count: number): void {
    const limited = this.#above(path)
    const node = limited === undefined ? null : this.#statNode(limited)
    if (node === null) return
    const track = parseTrack(dataOf(node))
    this.#write(node, track.count + count, track.bytes + bytes)
  }

  #write(node: Znode, count: number, bytes: number): void {
    this.#tree.amend(node, bytesOf(`count=${count},bytes=${bytes}`))
  }

  #recount(limited: string): void {
    const top = this.#tree.node(limited)
    const node = this.#statNode(limited)
    if (node === null) return
    let [count, bytes] = [0, 0]
    const open = top === null ? [] : [top]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      count += 1
      bytes += Math.max(0, next.dataLength)
      if (next.children !== null) open.push(...next.children)
    }
    this.#write(node, count, bytes)
  }

  /** Finds the limits of a tree that was read from a snapshot, and counts anew. */
  rebuild(): void {
    this.#limited.clear()
    for (const node of [...this.#tree.index]) {
      const limited = quotaOf(node.path.toString(), limitName)
      if (limited === undefined) continue
      this.#limited.add(limited)
      this.#recount(limited)
    }
  }

  /** Whether a write that adds so much would break a hard limit. */
  exceeds(path: Buffer, bytes: number, count: number): boolean {
    if (this.#limited.size === 0) return false
    const limited = this.#above(path.toString())
    if (limited === undefined) return false
    const limit = this.#tree.node(`${folder}${limited}/${limitName}`)
    const stat = this.#statNode(limited)
    if (limit === null || stat === null) return false
    const most = parseTrack(dataOf(limit))
    const now = parseTrack(dataOf(stat))
    const tooMany = count !== 0 && most.countHardLimit > -1
    const tooMuch = bytes !== 0 && most.byteHardLimit > -1
    return (
      (tooMany && now.count + count > most.countHardLimit) ||
      (tooMuch && now.bytes + bytes > most.byteHardLimit)
    )
  }
}

/** The path that a limit or a count is about: `/a` of `/zookeeper/quota/a/zookeeper_limits`. */
function quotaOf(path: string, name: string): string | undefined {
  if (!path.startsWith(`${folder}/`) || !path.endsWith(`/${name}`)) return undefined
  const about = path.slice(folder.length, -name.length - 1)
  return about === '' ? undefined : about
}

const dataOf = (node: Znode): string =>
  node.body === null ? '' : node.body.toString('utf8', 4, 4 + Math.max(0, node.dataLength))
