import type { Dag } from './workloads.ts';

/**
 * What the handlers of a peer have done: each step is to run once, and after its parents. Counted by
 * the handlers themselves, so that no engine is believed on its word.
 */
export class StepRecord {
  readonly #dag: Dag;
  readonly #ran: Uint8Array;
  readonly #all = Promise.withResolvers<number>();
  #missing: number;

  constructor(dag: Dag, tasks: number) {
    this.#dag = dag;
    this.#ran = new Uint8Array(tasks * dag.parents.length);
    this.#missing = this.#ran.length;
  }

  /** When the last step has run, `performance.now()`; rejects where one runs twice or too early. */
  get allRan(): Promise<number> {
    return this.#all.promise;
  }

  /** The handler of a step is called. */
  run(task: number, step: number): void {
    const first = task * this.#dag.parents.length;
    const early = this.#dag.parents[step]?.find((parent) => this.#ran[first + parent] === 0);
    const wrong =
      this.#ran[first + step] !== 0
        ? 'runs again'
        : early === undefined
          ? undefined
          : `runs before its parent ${early}`;
    if (wrong !== undefined) {
      this.#all.reject(new Error(`step ${step} of task ${task} of ${this.#dag.name} ${wrong}`));
    }
    this.#ran[first + step] = 1;
    this.#missing--;
    if (this.#missing === 0) this.#all.resolve(performance.now());
  }
}
