// How is a difference of two things told? Row by row, and what comes from the environment as it is
// written. Pure.

import { formatDuration, type Milliseconds } from '../foundation/time.ts'
import type { Difference, Spec } from './model.ts'

/** One thing that may differ, by its path below the thing it belongs to. */
export interface Row<T> {
  readonly key: string
  readonly show: (value: T) => string | undefined
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
}

/** Shows a value as the file writes it, where the file takes it from the environment. */
export function speaker(before: Spec | undefined, after: Spec): Speaker {
  const written = (spec: Spec | undefined, path: string, value: string | undefined) => {
    const exact = spec?.written[path]
    if (exact !== undefined) return { text: exact, hidden: false }
    const hidden = Object.keys(spec?.written ?? {}).some(
      (one) => one.startsWith(`${path}.`) || one.startsWith(`${path}[`),
    )
    return { text: value, hidden }
  }
  const row = (path: string, was: string | undefined, is: string | undefined): Difference => {
    const [old, now] = [written(before, path, was), written(after, path, is)]
    if (was === undefined) {
      const value = now.hidden ? '' : ` to \`${now.text}\``
      return { path, kind: 'added', sentence: `${path} is set${value}` }
    }
    if (is === undefined) return { path, kind: 'removed', sentence: `${path} is no longer set` }
    if (old.hidden || now.hidden) return { path, kind: 'changed', sentence: `${path} changed` }
    const sentence =
      old.text === now.text
        ? `${path} changed: \`${now.text}\` stands for another value`
        : `${path} changed from \`${old.text}\` to \`${now.text}\``
    return { path, kind: 'changed', sentence }
  }
  return {
    rows: (path, was, is, rows) =>
      rows.flatMap(({ key, show }) => {
        const [old, now] = [show(was), show(is)]
        return old === now ? [] : [row(path === '' ? key : `${path}.${key}`, old, now)]
      }),
  }
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

/** A length of time as people write it. */
export const time = (length: Milliseconds): string => formatDuration(length)
