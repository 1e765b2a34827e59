/**
 * Counter-based random numbers: bits are a function of key and counter, never of the order of draws.
 *
 * @see Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox4x32-10 and the constants below)
 */
import { Real } from "real";
import { at } from "../simd";

const MULTIPLIER_0: u64 = 0xd2511f53;
const MULTIPLIER_1: u64 = 0xcd9e8d57;

/** Steps of the key between rounds: the golden ratio, and sqrt(3) - 1, times 2^32. */
const WEYL_0: u32 = 0x9e3779b9;
const WEYL_1: u32 = 0xbb67ae85;
const ROUNDS: i32 = 10;

/** Four words, as `philox` writes them. */
const BLOCK_BYTES: i32 = 16;
const BLOCK: usize = memory.data(16, 16);

const TWO_POWER_MINUS_24: f64 = 5.960464477539063e-8;
const TWO_POWER_MINUS_32: f64 = 2.3283064365386963e-10;
const TWO_POWER_MINUS_53: f64 = 1.1102230246251565e-16;

/** Philox4x32-10: four u32 words at `out` for a 128-bit counter and a 64-bit key, low words first. */
export function philox(
  counter0: u32,
  counter1: u32,
  counter2: u32,
  counter3: u32,
  key0: u32,
  key1: u32,
  out: usize,
): void {
  for (let round = 0; round < ROUNDS; round++) {
    const product0 = MULTIPLIER_0 * <u64>counter0;
    const product1 = MULTIPLIER_1 * <u64>counter2;
    counter0 = (<u32>(product1 >> 32)) ^ counter1 ^ key0;
    counter2 = (<u32>(product0 >> 32)) ^ counter3 ^ key1;
    counter1 = <u32>product1;
    counter3 = <u32>product0;
    key0 += WEYL_0;
    key1 += WEYL_1;
  }
  store<u32>(out, counter0, 0);
  store<u32>(out, counter1, 4);
  store<u32>(out, counter2, 8);
  store<u32>(out, counter3, 12);
}

/**
 * out[i] uniform on [lo, hi) for i in [0, n), of 24 random bits in f32 and 53 in f64; rounding to T may give hi itself,
 * except on [0, 1). Element i depends on seed, stream and i alone: it is made from block floor(i / elements per
 * block) of the generator, counter (block, 0, stream0, stream1), key (seed0, seed1).
 */
export function fillUniform(
  n: i32,
  lo: f64,
  hi: f64,
  seed0: u32,
  seed1: u32,
  stream0: u32,
  stream1: u32,
  out: usize,
): void {
  const perBlock = BLOCK_BYTES / sizeof<Real>();
  const width = hi - lo;
  for (let i = 0; i < n; i++) {
    const place = i % perBlock;
    if (place == 0) philox(i / perBlock, 0, stream0, stream1, seed0, seed1, BLOCK);
    store<Real>(at(out, i), <Real>(lo + width * unit(at(BLOCK, place))));
  }
}

/** A number in [0, 1) of the high bits of the words at `bits`, the first word the higher one. */
// @ts-ignore: decorator
@inline
function unit(bits: usize): f64 {
  const high = load<u32>(bits);
  if (sizeof<Real>() == 8) {
    const low = load<u32>(bits, sizeof<u32>());
    return <f64>high * TWO_POWER_MINUS_32 + <f64>(low >>> 11) * TWO_POWER_MINUS_53;
  } else {
    return <f64>(high >>> 8) * TWO_POWER_MINUS_24;
  }
}
