#!/usr/bin/env node
// Is this Node.js new enough? Then main, from the published build or from a source checkout.
// Plain JavaScript that Node.js 14 still reads, so that an old one gets a sentence and not a
// syntax error.

import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'
import { compiled } from './compiled.js'

const majorLeast = 26

const source = new URL('../src/main.ts', import.meta.url)
const built = new URL('../dist/main.js', import.meta.url)

function start() {
  // Start-up takes a quarter of the time when yesterday's compiled code is at hand, also for the
  // processes that this one starts, which find the folder in their environment.
  module.enableCompileCache(compiled)
  process.env.NODE_COMPILE_CACHE = compiled
  return import(existsSync(source) ? source : built)
}

if (Number.parseInt(process.versions.node, 10) >= majorLeast) {
  start()
} else {
  const inCheckout = existsSync(fileURLToPath(source))
  console.error(
    `alwayson: this is Node.js ${process.versions.node}, and Node.js ${majorLeast} or newer is needed\n` +
      (inCheckout
        ? '  remedy: run it as `npx alwayson …` in this folder, which brings its own Node.js'
        : '  remedy: install a newer Node.js from https://nodejs.org, or with `npm i -g node@26`'),
  )
  process.exitCode = 1
}
