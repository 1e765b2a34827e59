/** The element type of the `simd`, `relaxed` and `debug` binaries: `import { Real } from "real"` (`path` in asconfig.json). */
export type Real = f32;
