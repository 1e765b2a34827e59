import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RetrogradError, saveFile } from '../../bindings/index.ts'

const BYTES = Uint8Array.of(1, 2, 3)
const host = hostname()
  .replace(/[^A-Za-z0-9]/g, '')
  .slice(0, 16)

const test = suite('saveFile')

/** Runs in a folder of its own, whose symbolic links on the way are resolved. */
function inFolder(title: string, run: (folder: string) => Promise<void>): void {
  test(title, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'retrograd-save-'))
    try {
      await run(folder)
    } finally {
      chmodSync(folder, 0o700)
      rmSync(folder, { recursive: true })
    }
  })
}

const modeOf = (path: string): number => statSync(path).mode & 0o7777

async function refused(
  path: unknown,
  message: RegExp,
  cause: string | undefined,
  bytes: unknown = BYTES,
): Promise<void> {
  let error: unknown
  await saveFile(path as string, bytes as Uint8Array).catch((thrown: unknown) => (error = thrown))
  assert.instance(error, RetrogradError)
  assert.match((error as Error).message, message)
  assert.is(((error as Error).cause as NodeJS.ErrnoException | undefined)?.code, cause)
}

/** The id of a process that is no more. */
const gone = (): number => spawnSync(process.execPath, ['--version']).pid

inFolder('keeps the mode of a file that is there, whatever the umask', async (folder) => {
  const before = process.umask(0o022)
  try {
    for (const mode of [0o600, 0o640, 0o664, 0o755]) {
      const path = join(folder, `file-${mode}`)
      writeFileSync(path, 'old')
      chmodSync(path, mode)
      await saveFile(path, BYTES)
      assert.is(modeOf(path), mode)
      assert.equal([...readFileSync(path)], [1, 2, 3])
    }
    const path = join(folder, 'new')
    await saveFile(path, BYTES)
    assert.is(modeOf(path), 0o644)
  } finally {
    process.umask(before)
  }
})

inFolder(
  'writes the target of a symbolic link, over several links, relative ones, and where it is not there yet',
  async (folder) => {
    mkdirSync(join(folder, 'deep'))
    mkdirSync(join(folder, 'other'))
    writeFileSync(join(folder, 'deep', 'target'), 'old', { mode: 0o600 })
    symlinkSync('deep/target', join(folder, 'first'))
    symlinkSync(join(folder, 'first'), join(folder, 'second'))
    symlinkSync('../other/later', join(folder, 'deep', 'dangling'))
    symlinkSync('deep', join(folder, 'folder'))
    await saveFile(join(folder, 'second'), BYTES)
    await saveFile(join(folder, 'folder', 'dangling'), BYTES)
    assert.is(readlinkSync(join(folder, 'first')), 'deep/target')
    assert.ok(lstatSync(join(folder, 'second')).isSymbolicLink())
    assert.equal([...readFileSync(join(folder, 'deep', 'target'))], [1, 2, 3])
    assert.is(modeOf(join(folder, 'deep', 'target')), 0o600)
    assert.ok(lstatSync(join(folder, 'deep', 'dangling')).isSymbolicLink())
    assert.equal([...readFileSync(join(folder, 'other', 'later'))], [1, 2, 3])
    assert.equal(readdirSync(folder).sort(), ['deep', 'first', 'folder', 'other', 'second'])
    assert.equal(readdirSync(join(folder, 'deep')).sort(), ['dangling', 'target'])
  },
)

inFolder(
  'refuses links in a circle, a folder in place of the file, a missing one, and a file in place of one',
  async (folder) => {
    symlinkSync('b', join(folder, 'a'))
    symlinkSync('a', join(folder, 'b'))
    mkdirSync(join(folder, 'inner'))
    writeFileSync(join(folder, 'file'), 'old')
    await refused(join(folder, 'a'), /circle of symbolic links/, undefined)
    await refused(join(folder, 'inner'), /inner' is a directory; expected the name of a file$/, undefined)
    await refused(
      join(folder, 'none', 'file'),
      /cannot be written: its folder does not exist; make it first$/,
      'ENOENT',
    )
    await refused(join(folder, 'file', 'file'), /what stands for its folder is a file$/, 'ENOTDIR')
    await refused(join(folder, 'n'.repeat(250)), /its name is too long/, 'ENAMETOOLONG')
    await refused('/dev/null', /is no regular file/, undefined)
    assert.equal(readdirSync(folder).sort(), ['a', 'b', 'file', 'inner'])
    assert.equal(readdirSync(join(folder, 'inner')), [])
    assert.is(readFileSync(join(folder, 'file'), 'utf8'), 'old')
  },
)

inFolder('without permission fails, leaves the old file and no other', async (folder) => {
  const path = join(folder, 'file')
  writeFileSync(path, 'old')
  chmodSync(path, 0o444)
  chmodSync(folder, 0o755)
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid!(65534) // nobody: a privileged process may write everywhere
  try {
    await refused(path, /file' cannot be written: the system does not permit it/, 'EACCES')
    if (!isRoot) chmodSync(folder, 0o555)
    await refused(join(folder, 'new'), /new' cannot be written: the system does not permit it/, 'EACCES')
  } finally {
    if (isRoot) process.seteuid!(0)
  }
  assert.equal(readdirSync(folder), ['file'])
  assert.is(readFileSync(path, 'utf8'), 'old')
})

test('refuses a path or bytes of another kind', async () => {
  await refused(undefined, /^saveFile: path is undefined; expected the name of a file/, undefined)
  await refused('', /^saveFile: path is ''/, undefined)
  await refused(join(tmpdir(), 'file'), /^saveFile: bytes is 'text'; expected a Uint8Array/, undefined, 'text')
})

inFolder('removes what a killed save of the same file left, and nothing else', async (folder) => {
  const living = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  try {
    const dead = gone()
    const stale = [`file.${dead}-${host}-abc123.tmp`]
    const kept = [
      `file.${living.pid}-${host}-abc123.tmp`, // of a save on its way
      `file.${process.pid}-${host}-abc123.tmp`,
      `file.${dead}-elsewhere-abc123.tmp`, // whether that process lives, only its host knows
      `file.${dead}-${host}-abc123.tmp.bak`,
      `file.mine-${host}-abc123.tmp`,
      `file.tmp`,
      `other.${dead}-${host}-abc123.tmp`,
      `myfile.${dead}-${host}-abc123.tmp`,
    ]
    const old = [`file.${living.pid}-${host}-old.tmp`, `file.${dead}-elsewhere-old.tmp`]
    for (const name of [...stale, ...kept, ...old]) writeFileSync(join(folder, name), 'x')
    const before = Date.now() / 1000 - 25 * 3600
    for (const name of old) utimesSync(join(folder, name), before, before)
    await saveFile(join(folder, 'file'), BYTES)
    assert.equal(readdirSync(folder).sort(), ['file', ...kept].sort())
  } finally {
    living.kill('SIGKILL')
  }
})

inFolder('a save killed while it writes leaves what the next one removes', async (folder) => {
  const path = join(folder, 'file')
  writeFileSync(path, 'old')
  const dyingAtRename = `
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    fs.rename = () => process.kill(process.pid, 'SIGKILL')
    syncBuiltinESMExports()`
  const preload = `data:text/javascript,${encodeURIComponent(dyingAtRename)}`
  const save = "import { saveFile } from 'retrograd'; await saveFile(process.argv[1], new Uint8Array(3))"
  const cwd = new URL('../..', import.meta.url).pathname
  const { signal } = spawnSync(process.execPath, ['--import', preload, '--input-type=module', '-e', save, path], {
    cwd,
  })
  assert.is(signal, 'SIGKILL')
  assert.is(readdirSync(folder).length, 2)
  assert.is(readFileSync(path, 'utf8'), 'old')
  await saveFile(path, BYTES)
  assert.equal(readdirSync(folder), ['file'])
  assert.ok(existsSync(path))
})

inFolder('saves of one file at one time all end, and leave one of them whole', async (folder) => {
  const path = join(folder, 'file')
  await Promise.all(Array.from({ length: 8 }, (_, i) => saveFile(path, new Uint8Array(100_000).fill(i))))
  const bytes = readFileSync(path)
  assert.is(bytes.length, 100_000)
  assert.ok(bytes.every((byte) => byte === bytes[0]))
  assert.equal(readdirSync(folder), ['file'])
})

test.run()
