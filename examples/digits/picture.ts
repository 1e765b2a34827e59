import type { Mark, Spec } from 'vega'
import { COLOURS, FAINT, render } from '../kit/style.ts'
import { CLASSES, type Digit, PIXELS, SIDE } from './data.ts'

const CELL = 8 // pixels of the picture per pixel of a digit
const [SHOWN, GAP] = [4, 16]
/** Height of the strip that shows a digit as the net by pixel meets it: one value after another. */
const STRIP = 24
/** Neighbours overlap by so much, lest the background shine through. */
const SEAM = 0.6

/** Draws the first digits of some classes: as rows, and below as the sequence of their pixels. Returns SVG. */
export function drawDigits(digits: readonly Digit[]): Promise<string> {
  const labels = Array.from({ length: SHOWN }, (_, i) => Math.floor((i * CLASSES) / SHOWN))
  const shown = labels.map((label) => digits.find((digit) => digit.label === label)!)
  return render(figure(shown))
}

function figure(shown: readonly Digit[]): Spec {
  const pixels = shown.flatMap(({ pixels }, place) => Array.from(pixels, (value, i) => ({ place, value, i })))
  const width = SHOWN * SIDE * CELL + (SHOWN - 1) * GAP
  return {
    width,
    height: SIDE * CELL + GAP + SHOWN * (STRIP + 4),
    title: {
      text: 'Digits as they are read',
      subtitle: [
        `Above: ${SIDE} rows, one a step. Below, a line for each:`,
        `its ${PIXELS} pixels, one a step, from left to right`,
      ],
    },
    data: [{ name: 'pixels', values: pixels }],
    scales: [{ name: 'ink', type: 'linear', domain: [0, 1], range: [FAINT, COLOURS.black] }],
    marks: [image(), strips(width)],
  }
}

function image(): Mark {
  return cells({
    x: { signal: `datum.place * ${SIDE * CELL + GAP} + (datum.i % ${SIDE}) * ${CELL}` },
    y: { signal: `floor(datum.i / ${SIDE}) * ${CELL}` },
    width: { value: CELL + SEAM },
    height: { value: CELL + SEAM },
  })
}

function strips(width: number): Mark {
  return cells({
    x: { signal: `datum.i * ${width / PIXELS}` },
    y: { signal: `${SIDE * CELL + GAP} + datum.place * ${STRIP + 4}` },
    width: { value: width / PIXELS + SEAM },
    height: { value: STRIP },
  })
}

function cells(box: Record<'x' | 'y' | 'width' | 'height', object>): Mark {
  const enter = { ...box, fill: { scale: 'ink', field: 'value' } }
  return { type: 'rect', from: { data: 'pixels' }, encode: { enter } }
}
