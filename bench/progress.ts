import { SingleBar } from 'cli-progress';

/** Shows on stderr how far a run is. */
export interface BenchProgress {
  /** A scenario begins. */
  scenario(name: string): void;
  /** What is going on in it. */
  phase(name: string): void;
  /** The scenario is over. */
  done(): void;
  stop(): void;
}

/** A bar on a terminal; elsewhere a line for each phase, with the seconds since the start. */
export function startProgress(scenarios: number): BenchProgress {
  const start = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - start) / 1000)} s`;
  let scenario = '';
  let done = 0;
  if (!process.stderr.isTTY) {
    const line = (text: string): void =>
      void process.stderr.write(`[${done}/${scenarios}] ${seconds()} ${scenario}: ${text}\n`);
    return {
      scenario: (name) => void (scenario = name),
      phase: line,
      done: () => void done++,
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({
    format: '{scenario} [{bar}] {value}/{total} scenarios, {elapsed}: {phase}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
  });
  const state = (phase: string): object => ({ scenario, phase, elapsed: seconds() });
  bar.start(scenarios, 0, state('starting'));
  // timing leaves the event loop no turn, so the bar is drawn when a phase begins
  const show = (phase: string): void => {
    bar.update(done, state(phase));
    bar.render();
  };
  return {
    scenario(name) {
      scenario = name;
      show('');
    },
    phase: show,
    done() {
      done++;
      show('');
    },
    stop: () => bar.stop(),
  };
}
