/** Files that an example leaves behind. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes a file below out/, in the folder in which the example was started. */
export function save(name: string, contents: string | Uint8Array): void {
  const file = `out/${name}`
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, contents)
}
