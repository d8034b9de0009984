// Compiles what `alwayson up` runs once, so that the first start after `npm ci` is as fast as the
// second. Plain JavaScript: npm runs it with whatever Node.js the machine has, and an old one has
// nothing to keep.

import fs from 'node:fs'
import module from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compiled } from '../bin/compiled.js'

const source = fileURLToPath(new URL('../src/', import.meta.url))

if (Number.parseInt(process.versions.node, 10) >= 26) {
  module.enableCompileCache(compiled)
  for (const path of fs.globSync('**/*.ts', { cwd: source })) {
    // Tests declare themselves when they are loaded, and an entry point runs.
    if (path.endsWith('.test.ts') || path.endsWith('main.ts')) continue
    await import(pathToFileURL(source + path).href)
  }
  module.flushCompileCache()
}
