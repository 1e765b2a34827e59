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

export function advance<T>(solve: Solve, sample: Sample): void {
  switch (solve.method) {
    case solves.METHOD_PICARD:
      return advancePicard<T>(solve, sample);
    case solves.METHOD_ANDERSON:
      return advanceAnderson<T>(solve, sample);
    case solves.METHOD_BROYDEN:
      return advanceBroyden<T>(solve, sample);
    case solves.METHOD_NEWTON:
      return advanceNewton<T>(solve, sample);
    case solves.METHOD_AUTO:
      return advanceAuto<T>(solve, sample);
    case solves.METHOD_GMRES:
      return advanceGmres<T>(solve, sample);
    case solves.METHOD_BICGSTAB:
      return advanceBicgstab<T>(solve, sample);
    case solves.METHOD_LU:
      return advanceLu<T>(solve, sample);
    case solves.METHOD_ARNOLDI:
      return advanceArnoldi<T>(solve, sample);
    default:
      assert(false, "method");
  }
}

/** Bytes of a sample's memory. A cascade has room for each of its methods, which follow one another. */
export function sampleBytes<T>(method: i32, columns: i32, history: i32, pairs: i32, krylov: i32): i32 {
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
  return bytesOfSample<T>(columns, scalars, OWN + vectors);
}
