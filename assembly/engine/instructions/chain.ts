/**
 * A chain of elementwise operations, run tile by tile over the flattened rows: what lives only inside the chain
 * stays in tiles of CHAIN_ELEMENTS in the first-level cache.
 */
import { CHAIN_ELEMENTS, SPARE_TILE } from "../../memory";
import { FIRST_BINARY, FIRST_TERNARY, LINK_VIEW } from "../../ops/codes";
import { applyBinary, applyTernary, applyUnary } from "../../ops/elementwise";
import { view } from "../../ops/view";
import { at, wholeVectors } from "../../simd";
import { LINK_BYTES } from "../format";
import { address, isTile, rowsOf } from "../frame";
import { Instruction } from "./instruction";


@unmanaged
export class Chain extends Instruction {
  rows: i32;
  columns: i32;
  links: i32; // their number; they follow, LINK_BYTES each

  run(): void {
    const columns = this.columns;
    const first = changetype<usize>(this) + offsetof<Chain>();
    const end = first + <usize>this.links * LINK_BYTES;
    const count = rowsOf(this.rows) * columns;
    for (let position = 0; position < count; position += CHAIN_ELEMENTS) {
      const elements = min(CHAIN_ELEMENTS, count - position);
      for (let link = first; link < end; link += LINK_BYTES) {
        runLink(changetype<Link>(link), position, elements, columns);
      }
    }
  }
}

/** One operation of a chain. What stands behind its operands depends on its code. */
@unmanaged
class Link {
  code: i32; // of ops/codes.ts
  dst: i32;
  a: i32;
  b: i32;
}


@unmanaged
class LinkWithConstant extends Link {
  constant: f64;
}


@unmanaged
class TernaryLink extends Link {
  c: i32;
}


@unmanaged
class ViewLink extends Link {
  rowStride: i32;
  columnStride: i32;
  offset: i32; // elements before the first
}

/** The address of an operand's elements from `position` on; a tile holds just those. */
// @ts-ignore: decorator
@inline
function operand(value: i32, position: i32): usize {
  return isTile(value) ? address(value) : at(address(value), position);
}

function runLink(link: Link, position: i32, elements: i32, columns: i32): void {
  const whole = wholeVectors(elements);
  const dst = operand(link.dst, position);
  const hangsOver = whole != elements && !isTile(link.dst);
  const out = hangsOver ? SPARE_TILE : dst;
  const code = link.code;
  if (code >= FIRST_BINARY) {
    const a = operand(link.a, position);
    const b = operand(link.b, position);
    if (code < FIRST_TERNARY) applyBinary(code, whole, a, b, out);
    else applyTernary(code, whole, a, b, operand(changetype<TernaryLink>(link).c, position), out);
  } else if (code == LINK_VIEW) {
    const from = changetype<ViewLink>(link);
    const source = at(address(link.a), from.offset);
    view(position, elements, columns, from.rowStride, from.columnStride, source, out);
  } else {
    const constant = changetype<LinkWithConstant>(link).constant;
    applyUnary(code, whole, constant, operand(link.a, position), out);
  }
  if (hangsOver) memory.copy(dst, SPARE_TILE, at(0, elements));
}
