import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OUT = join(ROOT, 'out') // inside the package, so that `uvu` resolves and files are modules

const UVU = `import { suite, test } from 'uvu'\n`
const PASSING = `${UVU}test('a', () => {})\ntest('b', () => {})\ntest.run()\n`

interface Outcome {
  code: number | null
  last: string
  output: string
}

/** Runs the runner on files of the given contents. */
function run(...contents: string[]): Outcome {
  mkdirSync(OUT, { recursive: true })
  const folder = mkdtempSync(join(OUT, 'runner-'))
  try {
    const files = contents.map((text, i) => {
      const file = join(folder, `${i}.test.ts`)
      writeFileSync(file, text)
      return file
    })
    return runNamed(...files)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function runNamed(...files: string[]): Outcome {
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'scripts/test.mjs'), ...files], {
    encoding: 'utf8',
  })
  return { code: status, last: stdout.trimEnd().split('\n').at(-1) ?? '', output: stdout }
}

function expectOutcome(outcome: Outcome, code: number, last: string): void {
  assert.is(outcome.last, last, outcome.output)
  assert.is(outcome.code, code, outcome.output)
}

const runner = suite('scripts/test.mjs')

runner('passing tests of several files are added up', () => {
  const skipping = `${UVU}test('a', () => {})\ntest.skip('b', () => {})\ntest.run()\n`
  expectOutcome(run(PASSING, skipping), 0, '3 passed, 0 failed, 1 skipped')
})

runner('a file that awaits between its suites fails: uvu may run one of them twice', () => {
  const block = (name: string) => `{ const s = suite('${name}'); s('t', () => {}); s.run() }\n`
  const pause = 'await new Promise((resolve) => setTimeout(resolve, 50))\n'
  const outcome = run(`${UVU}${block('a')}${pause}${block('b')}`)
  expectOutcome(outcome, 1, '2 passed, 1 failed, 0 skipped')
  assert.match(outcome.output, 'await nothing between suites')
})

runner('a failing test fails, and its message is shown', () => {
  const failing = `${UVU}test('a', () => {})\ntest('b', () => { throw new Error('seven pears') })\ntest.run()\n`
  const outcome = run(failing, PASSING)
  expectOutcome(outcome, 1, '3 passed, 1 failed, 0 skipped')
  assert.match(outcome.output, 'seven pears')
})

runner('a file without tests fails', () => {
  expectOutcome(run(''), 1, '0 passed, 1 failed, 0 skipped')
  expectOutcome(run(`${UVU}test.run()\n`, PASSING), 1, '2 passed, 1 failed, 0 skipped')
})

runner('a file that never calls run() fails', () => {
  const outcome = run(`${UVU}test('a', () => {})\n`, PASSING)
  expectOutcome(outcome, 1, '2 passed, 1 failed, 0 skipped')
  assert.match(outcome.output, 'no test ran')
})

runner('a file that throws before its run fails, also after registering tests', () => {
  expectOutcome(run(`throw new Error('early')\n`), 1, '0 passed, 1 failed, 0 skipped')
  expectOutcome(run(`${PASSING}throw new Error('late')\n`), 1, '0 passed, 1 failed, 0 skipped')
  expectOutcome(run(`import './absent.ts'\n`), 1, '0 passed, 1 failed, 0 skipped')
})

runner('a file that leaves early with code 0 fails', () => {
  const leaving = `${UVU}test('a', () => process.exit(0))\ntest.run()\n`
  expectOutcome(run(leaving), 1, '0 passed, 1 failed, 0 skipped')
})

runner('an exit code other than 0 fails although every test passed', () => {
  const dying = `${PASSING}setTimeout(() => { throw new Error('afterwards') }, 100)\n`
  const outcome = run(dying)
  expectOutcome(outcome, 1, '2 passed, 1 failed, 0 skipped')
  assert.match(outcome.output, 'every test passed, but it left with code')
})

runner('a before hook that throws fails, which uvu alone takes for success', () => {
  const hooked = `${UVU}test.before(() => { throw new Error('hook') })\ntest('a', () => {})\ntest.run()\n`
  expectOutcome(run(hooked), 1, '0 passed, 1 failed, 0 skipped')
})

runner('a file that is not there fails, and so does an unknown option', () => {
  expectOutcome(runNamed('test/absent.test.ts'), 1, '0 passed, 1 failed, 0 skipped')
  assert.is(runNamed('--nonsense').code, 2)
})

runner('a folder stands for the test files below it, and fails without any', () => {
  mkdirSync(OUT, { recursive: true })
  const folder = mkdtempSync(join(OUT, 'runner-'))
  try {
    mkdirSync(join(folder, 'full/inner'), { recursive: true })
    mkdirSync(join(folder, 'empty'))
    for (const name of ['one.test.ts', 'inner/two.test.ts', 'helper.ts'])
      writeFileSync(join(folder, 'full', name), PASSING)
    expectOutcome(runNamed(join(folder, 'full')), 0, '4 passed, 0 failed, 0 skipped')
    expectOutcome(runNamed(join(folder, 'full'), join(folder, 'full/one.test.ts')), 0, '4 passed, 0 failed, 0 skipped')
    expectOutcome(runNamed(join(folder, 'full'), join(folder, 'empty')), 1, '4 passed, 1 failed, 0 skipped')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

runner.run()
