// How is a difference of two things told? Row by row, and what comes from the environment as it is
// written. Pure.

import { isDeepStrictEqual } from 'node:util'
import { formatDuration, type Milliseconds } from '../foundation/time.ts'
import type { Difference, Spec } from './model.ts'
import { readDuration } from './values.ts'

/** One thing that may differ, by its path below the thing it belongs to. */
export interface Row<T> {
  readonly key: string
  readonly show: (value: T) => string | undefined
  /** What is compared is never shown: a key, an authority, a page. */
  readonly isHidden?: true
  /** The keys of the file that it is made of, where these are others than `key`. */
  readonly from?: readonly string[]
}

/** What was and what is under one name. */
export interface Pair<T> {
  readonly name: string
  readonly was: T | undefined
  readonly is: T | undefined
}

/** Both sides by name, those of `before` first. */
export function pairs<T>(
  before: Readonly<Record<string, T>> | undefined,
  after: Readonly<Record<string, T>>,
): readonly Pair<T>[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after)])
  return [...names].map((name) => ({ name, was: before?.[name], is: after[name] }))
}

/** Tells differences. */
export interface Speaker {
  /** The differences of two things by their rows. */
  rows<T>(path: string, was: T, is: T, rows: readonly Row<T>[]): readonly Difference[]
  /** Whether the file takes anything at this path, above it or below it from the environment. */
  isFromEnv(path: string): boolean
}

/** Shows a value as the file writes it, where the file takes it from the environment. */
export function speaker(before: Spec | undefined, after: Spec): Speaker {
  const row = (path: string, was: Shown, is: Shown): Difference => {
    if (was.text === undefined) {
      const value = is.isHidden ? '' : ` to \`${is.text}\``
      return { path, kind: 'added', sentence: `${path} is set${value}` }
    }
    if (is.text === undefined) {
      return { path, kind: 'removed', sentence: `${path} is no longer set` }
    }
    if (was.isHidden || is.isHidden) return { path, kind: 'changed', sentence: `${path} changed` }
    const sentence =
      was.text === is.text
        ? `${path} changed: \`${is.text}\` stands for another value`
        : `${path} changed from \`${was.text}\` to \`${is.text}\``
    return { path, kind: 'changed', sentence }
  }
  return {
    rows: (path, was, is, rows) =>
      rows.flatMap(({ key, show, isHidden = false, from = [key] }) => {
        const [old, now] = [show(was), show(is)]
        if (old === now) return []
        const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
        const shown = (spec: Spec | undefined, text: string | undefined): Shown =>
          isHidden ? { text, isHidden } : shownOf(spec, from.map(at), text)
        return [row(at(key), shown(before, old), shown(after, now))]
      }),
    isFromEnv: (path) => [before, after].some((spec) => isWritten(spec, path)),
  }
}

interface Shown {
  readonly text: string | undefined
  readonly isHidden: boolean
}

/** A value as its file writes it; hidden if only a part of it comes from the environment. */
function shownOf(
  spec: Spec | undefined,
  paths: readonly string[],
  text: string | undefined,
): Shown {
  const [path = ''] = paths
  const exact = paths.length === 1 ? spec?.written[path] : undefined
  if (exact !== undefined && text !== undefined) return { text: exact, isHidden: false }
  return { text, isHidden: paths.some((one) => isWritten(spec, one)) }
}

const isWritten = (spec: Spec | undefined, path: string): boolean =>
  Object.keys(spec?.written ?? {}).some((one) => isAtOrBelow(one, path) || isAtOrBelow(path, one))

const isAtOrBelow = (path: string, above: string): boolean =>
  path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)

/**
 * What `tell` says of two things, and a sentence for each of their parts that differs and that it
 * says nothing of: what is carried out is never passed over in silence.
 */
export function withUntold<T extends object>(
  path: string,
  was: T,
  is: T,
  tell: (was: T, is: T) => readonly Difference[],
): readonly Difference[] {
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])] as (keyof T & string)[]
  const untold = keys.filter(
    (key) =>
      !isDeepStrictEqual(was[key], is[key]) && tell(was, { ...was, [key]: is[key] }).length === 0,
  )
  return [
    ...tell(was, is),
    ...untold.map((key): Difference => {
      const at = path === '' ? key : `${path}.${key}`
      return { path: at, kind: 'changed', sentence: `${at} changed` }
    }),
  ]
}

/** Texts that are never shown, by name: environment variables, bodies of pages. */
export function diffTexts(
  path: string,
  what: string,
  whose: string,
  was: Readonly<Record<string, string>>,
  is: Readonly<Record<string, string>>,
): readonly Difference[] {
  return pairs(was, is).flatMap(({ name, was: old, is: now }): readonly Difference[] => {
    if (old === now) return []
    const kind = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed'
    const verb = kind === 'changed' ? 'changed' : `is ${kind}`
    return [{ path: `${path}.${name}`, kind, sentence: `${what} ${name} ${whose} ${verb}` }]
  })
}

/** An address as people write it. */
export const showAddress = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** A length of time as people write it, to the millisecond: two that differ are shown apart. */
export function time(length: Milliseconds): string {
  const text = formatDuration(length)
  const read = readDuration(text)
  return read.ok && read.value === length ? text : `${length}ms`
}
