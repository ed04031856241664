/** Who waits in this process for tasks to end. */
export class EndWatchers {
  readonly #wakes = new Map<bigint, Set<() => void>>();

  /** Tasks that somebody waits for. */
  get size(): number {
    return this.#wakes.size;
  }

  /**
   * Calls `wake` each time an engine of this process ends the task, until the watch is over.
   *
   * @returns ends the watch
   */
  watch(taskId: bigint, wake: () => void): () => void {
    let wakes = this.#wakes.get(taskId);
    if (wakes === undefined) this.#wakes.set(taskId, (wakes = new Set()));
    wakes.add(wake);
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#wakes.get(taskId) === wakes) this.#wakes.delete(taskId);
    };
  }

  /** An engine of this process has ended the task. */
  ended(taskId: bigint): void {
    for (const wake of this.#wakes.get(taskId) ?? []) wake();
  }
}
