/** What can be stopped. */
interface Stoppable {
  stop(): Promise<void>;
}

/** Signals by which service managers and terminals ask a process to end. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * Stops an engine when the process is asked to end, then lets the process end by that signal, so
 * that whoever sent it sees it obeyed. A second signal ends the process at once: leases do the rest.
 *
 * @param onError told of a stop that failed; the process ends all the same
 * @returns takes the listeners away again
 */
export function stopOnSignals(
  engine: Stoppable,
  signals: readonly NodeJS.Signals[] = SIGNALS,
  onError: (error: unknown) => void = () => undefined,
): () => void {
  const remove = (): void => {
    for (const signal of signals) process.off(signal, listener);
  };
  const listener = (signal: NodeJS.Signals): void => {
    // without a listener the next signal does what it always does
    remove();
    engine
      .stop()
      .catch(onError)
      .finally(() => process.kill(process.pid, signal));
  };
  for (const signal of signals) process.on(signal, listener);
  return remove;
}
