import type { Queries } from '../database/id-block.ts';

/** One session whose work goes one after the other, so that nobody meets another's transaction. */
export class SessionLane<Session extends Queries = Queries> {
  readonly #open: () => Session | Promise<Session>;
  #last: Promise<unknown> = Promise.resolve();
  /** Works that have not ended. */
  waiting = 0;

  /** @param open gives the session for each work, a new one where the last was lost */
  constructor(open: () => Session | Promise<Session>) {
    this.#open = open;
  }

  /** Does `work` when all that was asked for before has ended, well or not. */
  async run<T>(work: (client: Session) => Promise<T>): Promise<T> {
    this.waiting++;
    const run = this.#last.then(async () => work(await this.#open()));
    this.#last = run.catch(() => undefined);
    try {
      return await run;
    } finally {
      this.waiting--;
    }
  }
}
