/** The element type of the `float64` binary: `import { Real } from "real"` (`path` in asconfig.json). */
export type Real = f64;
