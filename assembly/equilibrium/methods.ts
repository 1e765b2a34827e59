/** The methods, by their numbers: what each needs of memory, and its next move when something has arrived. */
import { advanceAnderson, scalarsOfAnderson, vectorsOfAnderson } from "./anderson";
import { advanceArnoldi, scalarsOfArnoldi, vectorsOfArnoldi } from "./arnoldi";
import { advanceAuto } from "./auto";
import { advanceBicgstab, vectorsOfBicgstab } from "./bicgstab";
import { advanceBroyden, vectorsOfBroyden } from "./broyden";
import { advanceGmres } from "./gmres";
import { scalarsOfKrylov, vectorsOfKrylov } from "./krylov";
import { advanceLu } from "./lu";
import { advanceNewton, vectorsOfNewton } from "./newton";
import { advancePicard } from "./picard";
import { OWN, Sample, bytesOfSample } from "./sample";
import * as solves from "./solve";
import { Solve } from "./solve";

export function advance(solve: Solve, sample: Sample): void {
  switch (solve.method) {
    case solves.METHOD_PICARD:
      return advancePicard(solve, sample);
    case solves.METHOD_ANDERSON:
      return advanceAnderson(solve, sample);
    case solves.METHOD_BROYDEN:
      return advanceBroyden(solve, sample);
    case solves.METHOD_NEWTON:
      return advanceNewton(solve, sample);
    case solves.METHOD_AUTO:
      return advanceAuto(solve, sample);
    case solves.METHOD_GMRES:
      return advanceGmres(solve, sample);
    case solves.METHOD_BICGSTAB:
      return advanceBicgstab(solve, sample);
    case solves.METHOD_LU:
      return advanceLu(solve, sample);
    case solves.METHOD_ARNOLDI:
      return advanceArnoldi(solve, sample);
    default:
      assert(false, "method");
  }
}

/** Bytes of a sample's memory. A cascade has room for each of its methods, which follow one another. */
export function sampleBytes(method: i32, columns: i32, history: i32, pairs: i32, krylov: i32): i32 {
  const isAuto = method == solves.METHOD_AUTO;
  let scalars = 0;
  let vectors = 0;
  if (method == solves.METHOD_ANDERSON) {
    scalars = scalarsOfAnderson(history);
    vectors = vectorsOfAnderson(history);
  }
  if (isAuto || method == solves.METHOD_BROYDEN) vectors = vectorsOfBroyden(pairs);
  if (isAuto || method == solves.METHOD_NEWTON) {
    scalars = scalarsOfKrylov(krylov);
    vectors = max(vectors, vectorsOfNewton(krylov));
  }
  if (method == solves.METHOD_GMRES) {
    scalars = scalarsOfKrylov(krylov);
    vectors = vectorsOfKrylov(krylov);
  }
  if (method == solves.METHOD_BICGSTAB) vectors = vectorsOfBicgstab();
  if (method == solves.METHOD_ARNOLDI) {
    scalars = scalarsOfArnoldi(krylov);
    vectors = vectorsOfArnoldi(krylov);
  }
  return bytesOfSample(columns, scalars, OWN + vectors);
}
