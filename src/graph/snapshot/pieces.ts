/**
 * Work in pieces of some milliseconds: the caller goes on at once, or lets others run between two
 * pieces, or gives up.
 */
export type Pieces<Result> = Generator<undefined, Result, undefined>;

/** Does all pieces at once. */
export function finishNow<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done === true) return value;
  }
}
