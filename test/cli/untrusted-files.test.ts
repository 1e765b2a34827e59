/** Files made to hang, flood or fool whoever looks at them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { main } from '../../bindings/cli/main.ts'
import { assemble, tensor } from '../support/safetensors.ts'

const folder = mkdtempSync(join(tmpdir(), 'retrograd-untrusted-'))
const UNPRINTABLE = /[^\P{Cc}\n]|[\p{Bidi_Control}\p{Zl}\p{Zp}]/u

function inspect(bytes: Uint8Array | string, ...options: string[]): { code: number; out: string; errors: string } {
  const file = join(folder, 'model')
  writeFileSync(file, bytes)
  const [out, errors]: string[][] = [[], []]
  const code = main(
    ['inspect', file, ...options],
    (text) => out!.push(text),
    (text) => errors!.push(text),
  )
  return { code, out: out!.join('\n'), errors: errors!.join('\n') }
}

/** Milliseconds, and what came of it. */
function timed<T>(run: () => T): { ms: number; result: T } {
  const start = performance.now()
  const result = run()
  return { ms: performance.now() - start, result }
}

function layers(count: number, skips: number): Uint8Array {
  const header: Record<string, unknown> = {}
  for (let i = 0; i < count; i++) {
    header[`weight_hh_l${i}`] = tensor('U8', [3, 1], 6 * i, 6 * i + 3)
    header[`weight_ih_l${i}`] = tensor('U8', [3, 1], 6 * i + 3, 6 * i + 6)
    for (let k = 2; k < 2 + skips; k++) header[`weight_skip${k}_l${i}`] = tensor('U8', [0], 0, 0)
  }
  return assemble(header, new Uint8Array(6 * count).fill(1))
}

const test = suite('retrograd inspect of untrusted files')
test.after(() => rmSync(folder, { recursive: true }))

const HOSTILE = ['\u001b[31m', '\u0007', '\u009b', '\u007f', '\r', '\n', '\u202e', '\u2066', '\u200f', '\u2028']

test('prints no control characters and no bidirectional marks of names, metadata and prefixes, but shows that they are there', () => {
  const header: Record<string, unknown> = { __metadata__: { 'a\u001b]0;title\u0007': 'b\u202ec' } }
  for (const [i, text] of HOSTILE.entries()) {
    header[`n${text}`] = tensor('U8', [0], 0, 0)
    header[`${text === '\n' ? '' : text}${i}.weight_hh_l0`] = tensor('U8', [3, 1], 6 * i, 6 * i + 3)
    header[`${text === '\n' ? '' : text}${i}.weight_ih_l0`] = tensor('U8', [3, 1], 6 * i + 3, 6 * i + 6)
  }
  const { code, out } = inspect(assemble(header, new Uint8Array(6 * HOSTILE.length)))
  assert.is(code, 0)
  assert.not.match(out, UNPRINTABLE)
  assert.match(out, /a\\x1b\]0;title\\x07: b\\u\{202e\}c\n/)
  for (const shown of [
    'n\\x1b[31m',
    'n\\x9b',
    'n\\x7f',
    'n\\x0d',
    'n\\x0a',
    'n\\u{2066}',
    'n\\u{2028}',
    '\\x071.l0: GRU',
  ])
    assert.ok(out.includes(shown), shown)
})

test('the JSON has them as escapes, and reads as the names', () => {
  const header = Object.fromEntries(HOSTILE.map((text) => [`n${text}`, tensor('U8', [0], 0, 0)]))
  const { code, out } = inspect(assemble(header, []), '--json')
  assert.is(code, 0)
  assert.not.match(out, UNPRINTABLE)
  const report = JSON.parse(out) as { tensors: { name: string }[] }
  assert.equal(
    report.tensors.map(({ name }) => name),
    HOSTILE.map((text) => `n${text}`),
  )
})

test('a refusal quotes the file without control characters, and at no length', () => {
  for (const text of HOSTILE) {
    for (const header of [
      { [`n${text}`]: { dtype: `x${text}`, shape: [0], data_offsets: [0, 0] } },
      { __metadata__: { [`k${text}`]: 3 } },
      { [`n${text}${'long'.repeat(100_000)}`]: tensor('U8', [4], 0, 4) },
    ]) {
      const { code, errors } = inspect(assemble(header, []))
      assert.is(code, 1)
      assert.not.match(errors, UNPRINTABLE)
      assert.ok(errors.length < 5000, `${errors.length}`)
    }
    const { errors } = inspect(assemble(`{"a": ${text}}`, []))
    assert.match(errors, /^retrograd: readSafetensors: the header is not valid UTF-8 JSON/)
    assert.not.match(errors, UNPRINTABLE)
  }
})

test('a name of a file that is not there is printed without them', () => {
  const errors: string[] = []
  assert.is(
    main(['inspect', join(folder, 'no\u001b[31m')], assert.unreachable, (text) => errors.push(text)),
    2,
  )
  assert.match(errors.join(), /no\\x1b\[31m/)
  assert.not.match(errors.join(), UNPRINTABLE)
})

test('sizes that no number of the file stands for make no layer, whichever tensor claims them', () => {
  const huge = 2 ** 29
  for (const header of [
    { weight_hh_l0: [4 * huge, 0], weight_ih_l0: [0, 0], weight_hr_l0: [0, huge], bias_ih_l0: [1] },
    { weight_hh_l0: [0, huge], weight_ih_l0: [0, huge] },
    { weight_hh: [0, 0], weight_ih: [0, 0], weight_hr: [0, huge], bias: [1] },
    { weight_hh_l0: [3], weight_ih_l0: [3, 0], bias_ih_l0: [1] },
  ]) {
    let at = 0
    const tensors = Object.entries(header).map(([name, shape]) => {
      const bytes = shape.reduce((product: number, size: number) => product * size, 1)
      return [name, tensor('U8', shape, at, (at += bytes))]
    })
    const { ms, result } = timed(() => inspect(assemble(Object.fromEntries(tensors), new Uint8Array(at)), '--json'))
    assert.ok(ms < 2000, `${ms} ms`)
    assert.equal(JSON.parse(result.out).layers, [])
  }
  // three rows, but a bias of one: a layer's sizes all agree
  const { out } = inspect(
    assemble(
      {
        weight_hh_l0: tensor('U8', [3, 1], 0, 3),
        weight_ih_l0: tensor('U8', [3, 1], 3, 6),
        bias_ih_l0: tensor('U8', [1], 6, 7),
      },
      new Uint8Array(7),
    ),
    '--json',
  )
  assert.equal(JSON.parse(out).layers, [])
})

test('ten times the layers take no more than about ten times as long, and each has its own skips', () => {
  const [few, many] = [layers(1000, 3), layers(10_000, 3)]
  inspect(few, '--json')
  const short = timed(() => inspect(few, '--json'))
  const long = timed(() => inspect(many, '--json'))
  assert.ok(long.ms < 40 * short.ms + 500, `${short.ms} ms, then ${long.ms} ms`)
  const found = JSON.parse(long.result.out).layers as { layer: number; skips: number[] }[]
  assert.is(found.length, 10_000)
  assert.equal(found[7777]!.skips, [2, 3, 4])
})

test('130,000 tensors are listed', () => {
  const header = Object.fromEntries(Array.from({ length: 130_000 }, (_, i) => [`t${i}`, tensor('U8', [0], 0, 0)]))
  const { code, out } = inspect(assemble(header, []))
  assert.is(code, 0)
  assert.match(out, /: 130000 tensors, 0 numbers/)
  assert.match(out, /\n {2}t129999 +\[0\]$/)
})

test('one long name or shape does not make every line as long', () => {
  const header: Record<string, unknown> = { ['long'.repeat(5000)]: tensor('U8', Array(20_000).fill(0), 0, 0) }
  for (let i = 0; i < 1000; i++) header[`t${i}`] = tensor('U8', [0], 0, 0)
  const { out } = inspect(assemble(header, []))
  assert.ok(out.includes('long'.repeat(5000)))
  // the long line itself, and a thousand of two columns of 80 at most
  assert.ok(out.length < 20_000 + 3 * 20_000 + 1000 * 200, `${out.length} characters`)
})

test.run()
