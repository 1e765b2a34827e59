import type * as FileSystem from 'node:fs/promises'
import type * as Host from 'node:os'
import type * as Path from 'node:path'
import type * as Process from 'node:process'
import { describeValue, fail } from '../runtime/check.ts'
import { RetrogradError } from '../runtime/errors.ts'

interface System {
  readonly fs: typeof FileSystem
  readonly path: typeof Path
  readonly process: typeof Process
  readonly host: string
}

/** What a save replaces: the file that the path stands for, and what it is now if it is there. */
interface Target {
  readonly file: string
  readonly now: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined
}

const DAY_MS = 86_400_000
const PERMISSIONS = 0o7777
const MOST_LINKS = 40 // as many as Linux follows

/**
 * Writes a file whole or not at all: a temporary file beside it, then a rename. A file that is there keeps its mode; a symbolic link stays,
 * and the file that it points to is written. What an earlier save of this file left behind when its process was killed is removed. Node,
 * Deno and Bun only.
 *
 * @throws RetrogradError 'file' if the file cannot be written, with the system's error as its cause: nothing is left behind then
 */
export async function saveFile(path: string, bytes: Uint8Array): Promise<void> {
  if (typeof path !== 'string' || path === '')
    fail('type', `saveFile: path is ${describeValue(path)}; expected the name of a file`)
  if (!(bytes instanceof Uint8Array))
    fail('type', `saveFile: bytes is ${describeValue(bytes)}; expected a Uint8Array, such as writeCheckpoint gives`)
  const system = await systemOf()
  try {
    const target = await targetOf(system, path)
    await clearStale(system, target.file)
    await replace(system, target, bytes)
  } catch (error) {
    if (error instanceof RetrogradError) throw error
    fail('file', `saveFile: '${path}' cannot be written: ${reasonOf(error as NodeJS.ErrnoException)}`, { cause: error })
  }
}

/** Not literals in the imports: bundlers for the browser would look for them. */
async function systemOf(): Promise<System> {
  const load = (name: string): Promise<unknown> => {
    const module = ['node', name].join(':')
    return import(/* @vite-ignore */ module)
  }
  try {
    const [fs, os, path, process] = await Promise.all(['fs/promises', 'os', 'path', 'process'].map(load))
    const host = (os as typeof Host).hostname().replace(/[^A-Za-z0-9]/g, '')
    return {
      fs: fs as typeof FileSystem,
      path: path as typeof Path,
      process: process as typeof Process,
      host: host.slice(0, 16),
    }
  } catch (error) {
    fail('unsupported', 'saveFile: there is no file system here; keep the bytes in another way', { cause: error })
  }
}

async function targetOf(system: System, path: string): Promise<Target> {
  const { fs } = system
  const file = await followLinks(system, path)
  const now = await fs.stat(file).catch(unlessMissing)
  if (now === undefined) return { file, now }
  if (!now.isFile()) {
    const kind = now.isDirectory() ? 'a directory' : 'no regular file'
    fail('file', `saveFile: '${path}' is ${kind}; expected the name of a file`)
  }
  await fs.access(file, fs.constants.W_OK)
  return { file, now }
}

/** The file at the end of symbolic links, also where it is not there yet. */
async function followLinks({ fs, path: { dirname, basename, join, resolve } }: System, path: string): Promise<string> {
  let file = path
  for (let links = 0; links < MOST_LINKS; links++) {
    const folder = await fs.realpath(dirname(file))
    file = join(folder, basename(file))
    const link = await fs.readlink(file).catch(unlessNoLink)
    if (link === undefined) return file
    file = resolve(folder, link)
  }
  fail('file', `saveFile: '${path}' is a circle of symbolic links; expected the name of a file`)
}

const unlessMissing = unless('ENOENT')
/** What is there and no link, or is not there; Windows says UNKNOWN. */
const unlessNoLink = unless('EINVAL', 'ENOENT', 'UNKNOWN')

function unless(...codes: readonly string[]): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}

/** Says whose it is: `model.safetensors.<process>-<host>-<time>.tmp`. */
function temporaryName(file: string, { process, host }: System): string {
  const time = Date.now().toString(36) + Math.floor(performance.now() * 1000).toString(36)
  return `${file}.${process.pid}-${host}-${time}.tmp`
}

/** Removes what saves of the same file left whose process is gone: on this host at once, of another one after a day. */
async function clearStale(system: System, file: string): Promise<void> {
  const { fs, path } = system
  const folder = path.dirname(file)
  const names = await fs.readdir(folder).catch((): string[] => []) // a folder may be open to writing alone
  const start = `${path.basename(file)}.`
  for (const name of names) {
    if (!name.startsWith(start)) continue
    const [, pid, host] = /^(\d+)-([A-Za-z0-9]*)-[0-9a-z]+\.tmp$/.exec(name.slice(start.length)) ?? []
    if (pid === undefined) continue
    const stale = path.join(folder, name)
    const isLeft = (host === system.host && !isAlive(system, Number(pid))) || (await isOld(system, stale))
    if (isLeft) await fs.unlink(stale).catch(() => undefined)
  }
}

function isAlive({ process }: System, pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH' // another user's may not be asked, but is there
  }
}

async function isOld({ fs }: System, file: string): Promise<boolean> {
  const found = await fs.lstat(file).catch(() => undefined)
  return found !== undefined && found.isFile() && Date.now() - found.mtimeMs > DAY_MS
}

async function replace(system: System, { file, now }: Target, bytes: Uint8Array): Promise<void> {
  const { fs } = system
  const temporary = temporaryName(file, system)
  // nobody else may read on the way what only its owner may read in the end
  const handle = await fs.open(temporary, 'wx', now && 0o600)
  try {
    await handle.writeFile(bytes)
    if (now) {
      await handle.chown(now.uid, now.gid).catch(() => undefined) // only a privileged process can give files away
      await handle.chmod(now.mode & PERMISSIONS)
    }
    await handle.sync()
    await handle.close()
    await fs.rename(temporary, file)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await fs.unlink(temporary).catch(() => undefined)
    throw error
  }
}

function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  return REASONS.get(code) ?? message
}

const NO_PERMISSION = 'the system does not permit it; choose another folder, or change the permissions'

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'its folder does not exist; make it first'],
  ['ENOTDIR', 'what stands for its folder is a file'],
  ['EISDIR', 'it is a directory; give the name of a file'],
  ['EACCES', NO_PERMISSION],
  ['EPERM', NO_PERMISSION],
  ['EROFS', 'the file system is read-only; choose another folder'],
  ['ENOSPC', 'no space is left; the old file is as it was'],
  ['EDQUOT', 'no space is left to this user; the old file is as it was'],
  ['ENAMETOOLONG', 'its name is too long: that of the temporary file has up to 60 characters more'],
])
