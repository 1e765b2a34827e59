import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { diagonalRnnCell } from '../../bindings/cells/diagonal-rnn.ts'
import { gruCell } from '../../bindings/cells/gru.ts'
import { lstmCell } from '../../bindings/cells/lstm.ts'
import { minGruCell } from '../../bindings/cells/min-gru.ts'
import { orthogonalRnnCell } from '../../bindings/cells/orthogonal-rnn.ts'
import { rnnCell } from '../../bindings/cells/rnn.ts'
import { adjoint } from '../../bindings/program/adjoint.ts'
import type { StepGraph } from '../../bindings/program/graph.ts'
import { SEGMENTS, schedule } from '../../bindings/program/schedule.ts'
import { sizeCell, trace } from '../../bindings/program/trace.ts'

const sizes = { I: 3, H: 4 }
const usual = { bias: true, activation: 'tanh', recurrentActivation: 'sigmoid', projects: false, skips: [] } as const
const lstm = trace(sizeCell(lstmCell(usual), sizes))
const gru = trace(sizeCell(gruCell({ ...usual, resetAfter: true }), sizes))
const rnn = trace(sizeCell(rnnCell({ nonlinearity: 'tanh', bias: true, skips: [] }), sizes))

function scheduled(graph: StepGraph, primal?: StepGraph) {
  const given = new Set(primal ? [...valuesOf(primal)] : [])
  return schedule(graph, (value) => given.has(value), new Set()).steps
}

/** The operations of each segment, in order. */
function operations(graph: StepGraph, primal?: StepGraph): Record<string, string[]> {
  const steps = scheduled(graph, primal)
  return Object.fromEntries(
    SEGMENTS.map((segment) => [segment, steps[segment].flatMap((step) => step.nodes.map((node) => node.op.name))]),
  )
}

function valuesOf(graph: StepGraph) {
  const found = new Set(graph.params)
  const open = [
    ...graph.outputs,
    ...graph.states.flatMap((state) => [state.next, ...state.reads.values()]),
    ...graph.inputs,
  ]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!found.has(value)) open.push(...value.node.inputs)
    for (const result of value.node.results) found.add(result)
  }
  return found
}

const test = suite('the schedule')

test('only what lies on the cycle through the state runs step by step', () => {
  assert.equal(operations(rnn), {
    parameters: ['add'],
    prologue: ['linear'],
    step: ['linear', 'tanh'],
    epilogue: [],
    finish: [],
  })
  assert.equal(operations(lstm), {
    parameters: ['add'],
    prologue: ['linear'],
    step: ['linear', 'lstmGates'],
    epilogue: [],
    finish: [],
  })
  assert.equal(operations(gru), {
    parameters: [],
    prologue: ['linear'],
    step: ['linear', 'gruGates'],
    epilogue: [],
    finish: [],
  })
})

test('a Cayley map is made once, and its adjoint once more; cells without recurrent products step without them', () => {
  const orthogonal = trace(sizeCell(orthogonalRnnCell(), sizes))
  const forward = operations(orthogonal)
  assert.equal(forward['parameters']!.toSorted(), ['add', 'diag', 'fill', 'solve', 'sub', 'sub', 'transpose'])
  assert.equal([forward['prologue'], forward['step']], [['linear'], ['linear', 'tanh']])
  const back = operations(adjoint(orthogonal), orthogonal)
  assert.equal([back['parameters'], back['step']], [['transpose'], ['add', 'tanhGrad', 'matmul', 'flush']])
  assert.ok(back['finish']!.includes('solve'))
  for (const cell of [minGruCell(), diagonalRnnCell()]) {
    const graph = trace(sizeCell(cell, sizes))
    for (const { step } of [scheduled(graph), scheduled(adjoint(graph), graph)])
      assert.ok(step.length > 0 && step.every(({ chain }) => chain))
  }
})

test('weight gradients and the gradient by the input wait for the end of a chunk', () => {
  const back = operations(adjoint(lstm), lstm)
  assert.equal(back['step'], ['add', 'lstmGatesAdjoint', 'matmul', 'flush', 'flush'])
  assert.equal(back['epilogue']!.toSorted(), ['columnSum', 'matmul', 'productOverRows', 'productOverRows'])
  assert.equal([...back['parameters']!, ...back['prologue']!], [])
})
test.run()
