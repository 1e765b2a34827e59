import type { Graph } from '../vertices.ts'

const SHAPES = { input: 'box', state: 'circle', output: 'diamond' }

/** An unrolled graph in the language of Graphviz: a step is a rank, cut edges are dashed. */
export function dotOf({ vertices, edges }: Graph): string {
  const nodes = vertices.map(
    ({ id, label, kind, step }) => `  ${quote(id)} [label=${quote(`${label}_${step}`)}, shape=${SHAPES[kind]}];`,
  )
  const steps = [...new Set(vertices.map(({ step }) => step))]
  const ranks = steps.map((step) => {
    const ids = vertices.filter((vertex) => vertex.step === step).map(({ id }) => quote(id))
    return `  { rank=same; ${ids.join('; ')} }`
  })
  const links = edges.map(
    ({ from, to, cut }) => `  ${quote(from)} -> ${quote(to)}${cut ? ' [style=dashed, color=red]' : ''};`,
  )
  return ['digraph unrolled {', '  rankdir=LR;', ...nodes, ...ranks, ...links, '}', ''].join('\n')
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
