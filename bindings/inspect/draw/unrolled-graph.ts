/** The unrolled graph on a grid: time from left to right, layers upward. */
import type { Edge, Graph, Vertex } from '../vertices.ts'
import { ALARM, INK, TEXT, escapeText, picture } from './svg.ts'
import { greatest } from '../../runtime/greatest.ts'

const COLUMN = 110
const ROW = 80
const MARGIN = 50
const RADIUS = 20
const COLORS = { input: '#dbeafe', state: '#fef3c7', output: '#dcfce7' }

interface Point {
  readonly x: number
  readonly y: number
}

export function drawGraph({ vertices, edges }: Graph): string {
  const rows = greatest(vertices.map(({ row }) => row))
  const first = -greatest(vertices.map(({ step }) => -step))
  const last = greatest(vertices.map(({ step }) => step))
  const at = ({ step, row }: Vertex): Point => ({ x: MARGIN + (step - first) * COLUMN, y: MARGIN + (rows - row) * ROW })
  const places = new Map(vertices.map((vertex) => [vertex.id, at(vertex)]))
  const [width, height] = [2 * MARGIN + (last - first) * COLUMN, 2 * MARGIN + rows * ROW]
  return picture({ width, height, fontSize: 13, defs: [marker('arrow', INK), marker('cut', ALARM)] }, [
    ...edges.map((edge) => drawEdge(edge, places.get(edge.from)!, places.get(edge.to)!)),
    ...vertices.map((vertex) => drawVertex(vertex, places.get(vertex.id)!)),
  ])
}

const marker = (id: string, color: string): string =>
  `<marker id="${id}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${color}"/></marker>`

function drawVertex({ label, step, kind }: Vertex, { x, y }: Point): string {
  const [name, layer] = label.split(/_(?=l\d)/) as [string, string | undefined]
  const index = layer ? `${step},${layer.slice(1).replace('_reverse', '←')}` : String(step)
  const shape =
    kind === 'state'
      ? `<circle cx="${x}" cy="${y}" r="${RADIUS}"`
      : `<rect x="${x - RADIUS}" y="${y - RADIUS * 0.75}" width="${2 * RADIUS}" height="${RADIUS * 1.5}" rx="4"`
  const text = `<text x="${x}" y="${y + 4}" text-anchor="middle" fill="${TEXT}">${escapeText(name)}<tspan font-size="9" dy="3">${index}</tspan></text>`
  return `${shape} fill="${COLORS[kind]}" stroke="${INK}"/>${text}`
}

/** Straight along one step; bent where it would run through the vertices between. */
function drawEdge({ lag, cut }: Edge, from: Point, to: Point): string {
  const style = cut
    ? `stroke="${ALARM}" stroke-dasharray="5 4" marker-end="url(#cut)"`
    : `stroke="${INK}" marker-end="url(#arrow)"`
  const bend = bendOf(lag, from, to)
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - bend }
  const [start, end] = [towards(from, middle), towards(to, middle)]
  return `<path d="M${start.x} ${start.y}Q${round(middle.x)} ${round(middle.y)} ${end.x} ${end.y}" fill="none" ${style}/>`
}

function bendOf(lag: number, from: Point, to: Point): number {
  if (lag > 1) return 26 + 12 * lag
  return from.x === to.x && Math.abs(from.y - to.y) > ROW ? -1 : 0
}

/** The point of a vertex's rim in the direction of another point. */
function towards({ x, y }: Point, { x: toX, y: toY }: Point): Point {
  const [dx, dy] = [toX - x, toY - y]
  const length = Math.sqrt(dx * dx + dy * dy) || 1
  return { x: round(x + (dx / length) * (RADIUS + 2)), y: round(y + (dy / length) * (RADIUS + 2)) }
}

const round = (value: number): number => Math.round(value * 10) / 10
