/** Rows past the end of each sample. */

/** Fills them with zero bytes. lengths: i32[batch]; x: rows of `bytes` bytes, [steps, batch], or [batch, steps] where batchFirst. */
export function clearPadding(steps: i32, batch: i32, bytes: usize, batchFirst: bool, lengths: usize, x: usize): void {
  const stepStride = batchFirst ? bytes : <usize>batch * bytes;
  const sampleStride = batchFirst ? <usize>steps * bytes : bytes;
  for (let b = 0; b < batch; b++) {
    for (let t = load<i32>(lengths + ((<usize>b) << 2)); t < steps; t++) {
      memory.fill(x + <usize>t * stepStride + <usize>b * sampleStride, 0, bytes);
    }
  }
}

/**
 * Fills them with the sample's last row, or with that of the first sample that has any, so that nothing is computed from padding; zeros where
 * none has. x: [steps, batch] rows of `bytes` bytes.
 */
export function holdPadding(steps: i32, batch: i32, bytes: usize, lengths: usize, x: usize): void {
  const stride = <usize>batch * bytes;
  let donor = 0;
  while (donor < batch && lengthOf(lengths, donor) == 0) donor++;
  for (let b = 0; b < batch; b++) {
    const length = lengthOf(lengths, b);
    const source = length > 0 ? b : donor;
    for (let t = length; t < steps; t++) {
      const row = x + <usize>t * stride + <usize>b * bytes;
      if (source == batch) memory.fill(row, 0, bytes);
      else memory.copy(row, x + <usize>(lengthOf(lengths, source) - 1) * stride + <usize>source * bytes, bytes);
    }
  }
}

// @ts-ignore: decorator
@inline
function lengthOf(lengths: usize, sample: i32): i32 {
  return load<i32>(lengths + ((<usize>sample) << 2));
}

/**
 * rows[b] = the last row of sample b, of which the bytes from `half` on come from its first row (the end of a reverse direction);
 * zeros where it has none. Strides in bytes. `gather` false goes the other way, into a sequence of zeros.
 */
export function endRows(
  steps: i32,
  batch: i32,
  bytes: usize,
  half: usize,
  stepStride: usize,
  sampleStride: usize,
  lengths: usize,
  sequence: usize,
  rows: usize,
  gather: bool,
): void {
  for (let b = 0; b < batch; b++) {
    const length = lengths ? load<i32>(lengths + ((<usize>b) << 2)) : steps;
    const first = sequence + <usize>b * sampleStride;
    const last = first + <usize>(length - 1) * stepStride;
    if (length > 0) {
      copyBetween(last, rows, half, gather);
      copyBetween(first + half, rows + half, bytes - half, gather);
    } else if (gather) {
      memory.fill(rows, 0, bytes);
    }
    rows += bytes;
  }
}

function copyBetween(inSequence: usize, inRows: usize, bytes: usize, gather: bool): void {
  if (gather) memory.copy(inRows, inSequence, bytes);
  else memory.copy(inSequence, inRows, bytes);
}
