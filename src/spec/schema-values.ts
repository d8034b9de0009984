// What may stand as a single value in the file? The shapes of texts and numbers, each with the
// words that say what was expected. How such a text is read is `values.ts`' to know.

import * as z from 'zod'
import { patterns } from './values.ts'

/** A schema with the sentence an editor and `alwayson check` show when a value does not fit. */
export const worded = <S extends z.ZodType>(schema: S, expected: string): S =>
  schema.meta({ errorMessage: `expected ${expected}` })

/** A key of a map: what it means, and what holds without it. */
export const key = <S extends z.ZodType>(
  schema: S,
  description: string,
  standard?: string | number | boolean,
): z.ZodOptional<S> =>
  schema
    .optional()
    .meta(standard === undefined ? { description } : { description, default: standard })

/** A key that must be there. */
export const requiredKey = <S extends z.ZodType>(schema: S, description: string): S =>
  schema.meta({ description })

/** A text that `values.ts` reads as `kind`. */
const text = (kind: keyof typeof patterns, expected: string): z.ZodString =>
  z
    .string()
    .regex(patterns[kind])
    .meta({ 'x-kind': kind, errorMessage: `expected ${expected}` })

/** A whole number, both ends included. */
export const count = (least: number, most: number): z.ZodInt =>
  worded(z.int().min(least).max(most), `a whole number from ${least} to ${most}`)

/** A number, both ends included. */
export const number = (least: number, most: number): z.ZodNumber =>
  worded(z.number().min(least).max(most), `a number from ${least} to ${most}`)

/** A length of time, not below `least` milliseconds. */
export const duration = (least = 0): z.ZodString =>
  text('duration', 'a length of time, such as `250ms`, `2s` or `1m`').meta({ 'x-least': least })

/** An amount of memory or disk. */
export const size = (): z.ZodString => text('size', 'a size, such as `512KiB` or `64MiB`')

export const bind = (): z.ZodString =>
  text('bind', 'an address to listen on, such as `":80"`, `127.0.0.1:8080` or `"[::]:80"`')

export const address = (): z.ZodString =>
  text('address', 'a server as `host:port`, such as `10.0.0.5:8080`')

export const host = (): z.ZodString =>
  text('host', 'a host name, such as `shop.example` or `"*.shop.example"`')

/** Addresses that have their first bits in common, or one address. */
export const network = (): z.ZodString =>
  text('network', 'a network such as `10.0.0.0/8` or `"fd00::/8"`, or one address')

/** The name of a header field, or of a cookie. */
export const headerName = (): z.ZodString =>
  text('headerName', 'the name of a header or cookie, such as `X-User`')

export const fieldValue = (): z.ZodString =>
  text('fieldValue', 'a value without control characters')

/** How often something may happen. */
export const rate = (): z.ZodString => text('rate', 'a rate, such as `100/s` or `60/m`')

/** A part of all. */
export const percent = (): z.ZodString => text('percent', 'a percentage, such as `5%`')

export const path = (): z.ZodString => text('path', 'a path that begins with `/`, such as `/old`')

/** What a health check asks for: a path, and perhaps a query. */
export const checkPath = (): z.ZodString =>
  text('checkPath', 'a path that begins with `/`, such as `/health`').meta({
    'x-references': 'replica',
    'x-no-env': 'a path is shown in events and logs',
  })

export const checkHost = (): z.ZodString =>
  text('checkHost', 'the value of a Host header, such as `shop.example`').meta({
    'x-references': 'replica',
  })

export const agentHost = (): z.ZodString =>
  text('agentHost', 'a host name or an address, such as `10.0.0.5`')

/** The name of a field of a request that a check may set. */
export const fieldName = (): z.ZodString =>
  text('fieldName', 'the name of a header, such as `Authorization`')

export const grpcService = (): z.ZodString =>
  text('grpcService', 'the name of a gRPC service, such as `shop.Orders`')

/** Something that a body is searched for; it is shown when a check fails. */
export const bodyText = (): z.ZodString =>
  z
    .string()
    .min(1)
    .max(1024)
    .meta({ 'x-no-env': 'it is shown when a check fails', errorMessage: 'expected a text' })

export const pattern = (): z.ZodString =>
  text('pattern', 'a regular expression, such as `^ready`').meta({
    'x-no-env': 'it is shown when a check fails',
  })

export const statuses = (): z.ZodString =>
  text('statuses', 'statuses, such as `200`, `200-399` or `2xx,401`')

export const status = (): z.ZodInt => count(100, 599)

/** The name of a service, frontend or server: it appears in file names and metrics. */
export const name = (): z.ZodString =>
  text('name', 'a name of lower-case letters, digits, `-` and `_` that begins with a letter')

export const serverName = (): z.ZodString =>
  text('serverName', 'a name of letters, digits, `-`, `_` and `.`')

export const environmentName = (): z.ZodString =>
  text('environmentName', 'the name of an environment variable, such as `DATABASE_URL`')

/** Servers in one text, as ZooKeeper's clients take them. */
export const hosts = (): z.ZodString => text('hosts', 'servers, such as `zk1:2181,zk2:2181`')

/** A node of the coordination tree. */
export const nodePath = (): z.ZodString =>
  text('nodePath', 'the path of a node, such as `/alwayson/shop`')

/** Any single value, taken as the file writes it: `1.10` stays `1.10`. */
export const asWritten = (): z.ZodUnion<readonly [z.ZodString, z.ZodNumber, z.ZodBoolean]> =>
  z.union([z.string(), z.number(), z.boolean()]).meta({
    'x-kind': 'asWritten',
    errorMessage: 'expected a single value',
  })
