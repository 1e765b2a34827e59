/** Plain iteration as peers do it, on a problem. */

/** z*, or z*, the adjoint and the gradient of W. */
export type PlainKey = 'forward' | 'training'

/** Relative; peers measure it once for the whole batch, which costs them least. */
export const TOLERANCE = 1e-5
