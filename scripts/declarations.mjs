/**
 * Emits the public declarations into dist/: `tsc` writes them, then relative imports are renamed from .ts to .js
 * (`rewriteRelativeImportExtensions` leaves declarations alone) and files that no entry reaches are removed.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

/** @param entries names of the entries, without extension: bindings/<name>.ts → dist/<name>.d.ts */
export function emitDeclarations(entries, outDir = join(ROOT, 'dist')) {
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', outDir]
  execFileSync(process.execPath, args, { stdio: 'inherit' })
  const reached = new Set()
  entries.forEach((name) => rename(join(outDir, `${name}.d.ts`), reached))
  for (const name of readdirSync(outDir, { recursive: true })) {
    const path = join(outDir, name)
    if (path.endsWith('.d.ts') && !reached.has(path)) rmSync(path)
  }
}

/** Renames the relative imports of one file, and of all that it reaches. */
function rename(path, reached) {
  if (reached.has(path)) return
  reached.add(path)
  let text = readFileSync(path, 'utf8')
  const imports = ts.preProcessFile(text).importedFiles.filter(({ fileName }) => /^\..*\.ts$/.test(fileName))
  for (const { fileName } of imports) {
    const stem = fileName.replace(/\.ts$/, '')
    text = text.replaceAll(`'${fileName}'`, `'${stem}.js'`).replaceAll(`"${fileName}"`, `"${stem}.js"`)
    rename(join(dirname(path), `${stem}.d.ts`), reached)
  }
  // Users whose `lib` is older than Symbol.dispose compile all the same.
  const libs = text.includes('Symbol.dispose') ? '/// <reference lib="esnext.disposable" />\n' : ''
  writeFileSync(path, libs + text)
}
