/** The peers' packages: of this folder's own package.json, so that nobody who works on retrograd itself needs them. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Unavailable } from '../support/case.ts'

const folder = new URL('.', import.meta.url)
const require = createRequire(import.meta.url)

/** Installs what package-lock.json pins, where it is missing. No install script runs: those of onnxruntime-node download. */
export function installPackages(): void {
  if (existsSync(new URL('node_modules/.package-lock.json', folder))) return
  console.log('installing the peers’ packages (once, about half a gigabyte)')
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
}

/** A package's CommonJS form; `any`, since the types are not there before the packages are. */
export function load(name: string): any {
  try {
    return require(name)
  } catch (error) {
    throw new Unavailable(`${name} does not load: ${String(error).split('\n')[0]}`)
  }
}

/** The same of a package that has only the other form. */
export async function loadModule(name: string): Promise<any> {
  try {
    return await import(name)
  } catch (error) {
    throw new Unavailable(`${name} does not load: ${String(error).split('\n')[0]}`)
  }
}
