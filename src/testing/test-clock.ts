import { formatInstant } from '../graph/snapshot/instants.ts';
import { quiet } from '../orchestration/quiet.ts';
import type { VirtualClock } from '../orchestration/virtual-clock.ts';
import type { Tasker } from '../tasker.ts';

/** The time of a test's tasks: it stands still until the test moves it. Timeouts go by real time. */
export class TestClock {
  readonly #clock: VirtualClock;
  readonly #tasker: Tasker;

  /** @internal */
  constructor(clock: VirtualClock, tasker: Tasker) {
    this.#clock = clock;
    this.#tasker = tasker;
  }

  /** ISO text, six digits, UTC. */
  get now(): string {
    return formatInstant(this.#clock.nowMicros());
  }

  /**
   * Moves the time on, and runs on the way whatever becomes due, in its order and at its instant.
   * Resolves when nothing is under way any more.
   */
  async advance(seconds: number): Promise<void> {
    const target = this.#clock.nowMicros() + Math.round(seconds * 1e6);
    await this.#quiet();
    while (this.#clock.nextAt <= target) {
      this.#clock.jumpTo(this.#clock.nextAt);
      await this.#quiet();
    }
    this.#clock.jumpTo(target);
    await this.#quiet();
  }

  async #quiet(): Promise<void> {
    const { engine } = this.#tasker;
    if (engine !== undefined) await quiet(engine.coordinator);
  }
}
