import type * as FileSystem from 'node:fs/promises'

/** Not a literal in the import: bundlers for the browser would look for it. */
const FILE_SYSTEM = ['node:fs', 'promises'].join('/')

/** Writes a file whole or not at all: a temporary file beside it, then a rename. Node, Deno and Bun only. */
export async function saveFile(path: string, bytes: Uint8Array): Promise<void> {
  const { open, rename, unlink } = (await import(/* @vite-ignore */ FILE_SYSTEM)) as typeof FileSystem
  const temporary = `${path}.${Date.now().toString(36)}${Math.floor(performance.now() * 1000).toString(36)}.tmp`
  const file = await open(temporary, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw error
  }
}
