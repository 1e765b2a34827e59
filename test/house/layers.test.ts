/** Dependencies point one way (DESIGN.md section 3): this reads the sources and fails on any other arrow. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Ranks from left to right: a file imports from its own folder or from ranks to the right; folders of one rank do not know each other. */
const BINDINGS = [
  ['entry'],
  ['cli'],
  ['training', 'inspect'],
  ['nn'],
  ['equilibrium', 'io'],
  ['unroll'],
  ['module'],
  ['cells'],
  ['program'],
  ['runtime'],
]
const ASSEMBLY = [
  ['entry'],
  ['engine'],
  ['solvers'],
  ['ops'],
  ['linalg', 'math'],
  ['memory'],
  ['simd'],
  ['float32', 'float64'], // the module `real`: one of them in each binary
]
const FOUNDATIONS = ['simd', 'memory'] // the only top-level files of assembly/ that are no entries

/** `Math` functions that are exact, or only choose, in every engine; all others would let the host's bits into a result. */
const EXACT_MATH = new Set([
  'abs',
  'ceil',
  'clz32',
  'floor',
  'fround',
  'imul',
  'max',
  'min',
  'round',
  'sign',
  'sqrt',
  'trunc',
])

/** The group of a source file: its folder, or what a top-level file stands for. */
function groupOf(path: string): string {
  const [root, first = '', second] = path.split('/')
  if (second !== undefined) return first
  const stem = first.replace(/\.ts$/, '')
  return root === 'assembly' && FOUNDATIONS.includes(stem) ? stem : 'entry'
}

function rankOf(groups: string[][], path: string): number {
  return groups.findIndex((group) => group.includes(groupOf(path)))
}

/** What is wrong with one file's imports, as sentences. */
function wrongArrows(path: string, text: string): string[] {
  const root = path.split('/')[0]!
  const groups = root === 'assembly' ? ASSEMBLY : BINDINGS
  const from = rankOf(groups, path)
  if (from < 0) return [`${path}: no layer is called ${groupOf(path)}`]
  return importsOf(text).flatMap((specifier) => {
    const wrong = (reason: string) => [`${path} imports ${specifier}: ${reason}`]
    if (!specifier.startsWith('.')) {
      return specifier === '@assemblyscript/loader' && groupOf(path) !== 'runtime'
        ? wrong('runtime alone touches the WASM instance')
        : []
    }
    const target = posix.join(posix.dirname(path), specifier)
    if (!target.startsWith(`${root}/`)) {
      const free = root === 'bindings' && ['entry', 'runtime'].includes(groupOf(path))
      return free ? [] : wrong(`it leaves ${root}/`)
    }
    const to = rankOf(groups, target)
    if (to < 0) return wrong(`no layer is called ${groupOf(target)}`)
    const isNeighbour = to === from && groupOf(path) !== groupOf(target)
    return to < from || isNeighbour ? wrong(`${groupOf(path)} must not know ${groupOf(target)}`) : []
  })
}

/** Specifiers of static, dynamic and type imports and of re-exports. */
function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
}

/** Uses of the host that a binding must not make. */
function wrongUses(path: string, text: string): string[] {
  const found: string[] = []
  const mayTouchWasm = groupOf(path) === 'runtime'
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const report = (node: ts.Node, message: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart())
    found.push(`${path}:${line + 1}: ${message}`)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && node.text === 'WebAssembly' && !mayTouchWasm) {
      report(node, 'runtime alone touches WebAssembly')
    }
    if (ts.isIdentifier(node) && node.text === 'Math' && !isExactMath(node)) {
      report(node, `${node.parent.getText()}: nothing from the host's Math reaches a result`)
    }
    if (isPower(node)) report(node, `${node.getText()}: ** is the host's Math.pow; only powers of 2 are exact`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Is this `Math` the left side of `Math.floor`, or of another exact function? */
function isExactMath(math: ts.Identifier): boolean {
  const { parent } = math
  return ts.isPropertyAccessExpression(parent) && parent.expression === math && EXACT_MATH.has(parent.name.text)
}

function isPower(node: ts.Node): boolean {
  if (!ts.isBinaryExpression(node)) return false
  const { operatorToken, left } = node
  const power = [ts.SyntaxKind.AsteriskAsteriskToken, ts.SyntaxKind.AsteriskAsteriskEqualsToken]
  return power.includes(operatorToken.kind) && !['2', '2n'].includes(left.getText())
}

/** [path from the root, text] of every source file below a folder. */
function sourcesOf(folder: string): [string, string][] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')])
}

const layers = suite('layers')

layers('bindings/: every import points to the own layer or to the right', () => {
  const sources = sourcesOf('bindings')
  assert.ok(sources.length > 5)
  assert.equal(
    sources.flatMap(([path, text]) => wrongArrows(path, text)),
    [],
  )
})

layers('assembly/: every import points to the own layer or to the right', () => {
  const sources = sourcesOf('assembly')
  assert.ok(sources.length > 5)
  assert.equal(
    sources.flatMap(([path, text]) => wrongArrows(path, text)),
    [],
  )
})

layers("bindings/: only runtime touches WebAssembly, and nothing takes the host's transcendental functions", () => {
  assert.equal(
    sourcesOf('bindings').flatMap(([path, text]) => wrongUses(path, text)),
    [],
  )
})

layers('the rules themselves: arrows', () => {
  const arrow = (path: string, specifier: string) =>
    [
      `import { a } from '${specifier}'`,
      `import type { A } from "${specifier}"`,
      `export * from '${specifier}'`,
      `const a = await import('${specifier}')`,
    ].map((text) => wrongArrows(path, text).length)
  const fine = (path: string, specifier: string) =>
    assert.equal(arrow(path, specifier), [0, 0, 0, 0], `${path} ${specifier}`)
  const bad = (path: string, specifier: string) =>
    assert.equal(arrow(path, specifier), [1, 1, 1, 1], `${path} ${specifier}`)
  fine('bindings/nn/gru.ts', '../cells/gru.ts')
  fine('bindings/nn/gru.ts', '../io/safetensors.ts')
  fine('bindings/nn/gru.ts', './module.ts')
  fine('bindings/ops.ts', './cli/main.ts')
  fine('bindings/runtime/binaries.ts', '../../build/simd.js')
  fine('bindings/runtime/runtime.ts', '@assemblyscript/loader')
  fine('assembly/index.ts', './engine/unroll')
  fine('assembly/memory.ts', './simd')
  bad('assembly/math/exp.ts', '../linalg/gemm')
  bad('bindings/cells/gru.ts', '../nn/gru.ts')
  bad('bindings/inspect/flow.ts', '../training/fit.ts')
  bad('bindings/module/module.ts', '../unroll/stack.ts')
  bad('bindings/runtime/core.ts', '../program/plan.ts')
  bad('bindings/io/safetensors.ts', '../training/fit.ts')
  bad('bindings/cells/gru.ts', '../ops.ts')
  bad('bindings/program/plan.ts', '../../build/simd.js')
  bad('bindings/nn/gru.ts', '@assemblyscript/loader')
  bad('bindings/helpers/x.ts', '../runtime/errors.ts')
  bad('bindings/nn/gru.ts', '../helpers/x.ts')
  bad('assembly/simd.ts', './math/exp')
  bad('assembly/ops/tail.ts', '../engine/frame')
  bad('assembly/linalg/gemm.ts', '../ops/view')
  bad('assembly/solvers/drive.ts', '../engine/mapping')
  bad('assembly/engine/frame.ts', '../index')
  bad('assembly/engine/frame.ts', '../../bindings/ops.ts')
})

layers('the rules themselves: uses', () => {
  const uses = (text: string, path = 'bindings/nn/x.ts') => wrongUses(path, text).length
  assert.is(uses('// Math.exp and WebAssembly, in words\nconst s = "Math.tanh"'), 0)
  assert.is(uses('Math.max(1, Math.floor(x)) * 2 ** -23'), 0)
  assert.is(uses('new WebAssembly.Memory({ initial: 1 })', 'bindings/runtime/core.ts'), 0)
  for (const text of [
    'Math.exp(x)',
    'Math.random()',
    'Math["exp"](x)',
    'const { exp } = Math',
    'const m = Math',
    'x ** y',
    'x **= 2',
  ]) {
    assert.is(uses(text), 1, text)
  }
  assert.is(uses('Math.log(x)', 'bindings/runtime/core.ts'), 1)
  assert.is(uses('new WebAssembly.Module(b)'), 1)
  assert.is(uses('let m: WebAssembly.Module'), 1)
})

layers.run()
