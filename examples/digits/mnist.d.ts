/** The package has no types of its own; this is what is used of it. */
declare module 'mnist' {
  /** By digit, 0 to 9. */
  const mnist: readonly {
    /** Images of 28 x 28 pixels in [0, 1], row by row, one after another. */
    readonly raw: readonly number[]
  }[]
  export default mnist
}
