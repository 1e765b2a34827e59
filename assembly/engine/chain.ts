/**
 * A chain of elementwise operations, run tile by tile over the flattened rows: what lives only inside the chain
 * stays in tiles of CHAIN_ELEMENTS in the first-level cache.
 */
import { CHAIN_ELEMENTS, SPARE_TILE } from "../memory";
import { applyBinary, applyTernary, applyUnary } from "../ops/elementwise";
import { FIRST_BINARY, FIRST_TERNARY, LINK_VIEW } from "../ops/codes";
import { view } from "../ops/view";
import { at, wholeVectors } from "../simd";
import * as format from "./format";
import { address, isTile, rowsOf, word } from "./frame";

export function runChain(code: usize): void {
  const columns = word(code, 3);
  const links = word(code, 4);
  const first = code + 5 * format.WORD_BYTES;
  const count = rowsOf(word(code, 2)) * columns;
  for (let position = 0; position < count; position += CHAIN_ELEMENTS) {
    const elements = min(CHAIN_ELEMENTS, count - position);
    let link = first;
    for (let i = 0; i < links; i++) {
      runLink(link, position, elements, columns);
      link += <usize>format.LINK_WORDS * format.WORD_BYTES;
    }
  }
}

/** The address of an operand's elements from `position` on; a tile holds just those. */
// @ts-ignore: decorator
@inline
function operand(value: i32, position: i32): usize {
  return isTile(value) ? address(value) : at(address(value), position);
}

function runLink(link: usize, position: i32, elements: i32, columns: i32): void {
  const target = word(link, format.LINK_DST);
  const whole = wholeVectors(elements);
  const dst = operand(target, position);
  const hangsOver = whole != elements && !isTile(target);
  const out = hangsOver ? SPARE_TILE : dst;
  const op = word(link, format.LINK_CODE);
  const a = word(link, format.LINK_A);
  if (op >= FIRST_BINARY) {
    const b = operand(word(link, format.LINK_B), position);
    if (op < FIRST_TERNARY) applyBinary(op, whole, operand(a, position), b, out);
    else applyTernary(op, whole, operand(a, position), b, operand(word(link, format.LINK_C), position), out);
  } else if (op == LINK_VIEW) {
    const rowStride = word(link, format.LINK_CONSTANT);
    const columnStride = word(link, format.LINK_CONSTANT + 1);
    const source = at(address(a), word(link, format.LINK_OFFSET));
    view(position, elements, columns, rowStride, columnStride, source, out);
  } else {
    const constant = load<f64>(link + <usize>format.LINK_CONSTANT * format.WORD_BYTES);
    applyUnary(op, whole, constant, operand(a, position), out);
  }
  if (hangsOver) memory.copy(dst, SPARE_TILE, at(0, elements));
}
