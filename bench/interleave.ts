import { Bench } from 'tinybench';

import { spreadOf, type ResultRow, type Spread } from './result.ts';

/** One of several ways to do the same work. */
export interface Contestant {
  readonly name: string;
  readonly run: () => unknown;
  /** Calls that make one sample; by default as many as take about two milliseconds. */
  readonly repeat?: number;
  /** Takes the time itself: `run` gives the milliseconds of one call. */
  readonly timesItself?: boolean;
  /** At most so many samples, for contestants that take very long. */
  readonly most?: number;
  readonly note?: string;
}

/** What one call of a contestant took, ms. */
export interface Timing extends Spread {
  readonly name: string;
}

/** A sample of what is over in microseconds is made of many calls. */
const SAMPLE_MS = 2;
const MOST_CALLS = 2000;

/**
 * Times contestants in turns: each round runs each once, and each round starts with another, so
 * that a slow spell of the machine hits all of them. The first round warms up, tells how many calls
 * make a sample, and is not counted.
 *
 * @param rounds samples of each contestant, unless it says `most`
 */
export async function interleave(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<Timing[]> {
  const turns = contestants.map((contestant) => ({
    contestant,
    repeat: contestant.repeat ?? 1,
    samples: [] as number[],
  }));
  for (const turn of turns) {
    const once = await sample(turn.contestant, turn.repeat);
    if (turn.contestant.repeat !== undefined || turn.contestant.timesItself === true) continue;
    // the second call is nearer to what will be measured
    const again = once < 500 ? await sample(turn.contestant, 1) : once;
    turn.repeat = Math.min(MOST_CALLS, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(again, 1e-4))));
    if (turn.repeat > 1) await sample(turn.contestant, turn.repeat);
  }
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < turns.length; at++) {
      const turn = turns[(round + at) % turns.length] as (typeof turns)[number];
      if (turn.samples.length >= (turn.contestant.most ?? rounds)) continue;
      turn.samples.push(await sample(turn.contestant, turn.repeat));
    }
  }
  return turns.map(({ contestant, samples }) => ({ name: contestant.name, ...spreadOf(samples) }));
}

/** Milliseconds of one call, the mean of `repeat`. */
async function sample(contestant: Contestant, repeat: number): Promise<number> {
  const { name, run } = contestant;
  if (contestant.timesItself === true) return (await run()) as number;
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, retainSamples: true });
  const calls = async (): Promise<void> => {
    for (let call = 0; call < repeat; call++) {
      const answer = run();
      if (answer instanceof Promise) await answer;
    }
  };
  bench.add(name, calls, { async: true });
  const [task] = await bench.run();
  const result = task?.result;
  if (result === undefined || !('latency' in result)) {
    throw new Error(`${name} did not finish`, {
      cause: result !== undefined && 'error' in result ? result.error : undefined,
    });
  }
  return (result.latency.samples?.[0] ?? NaN) / repeat;
}

/** Runs the contestants in turns and gives one row for each; the first one is the reference. */
export async function timeScenario(
  scenario: string,
  steps: number,
  contestants: readonly Contestant[],
  rounds: number,
): Promise<ResultRow[]> {
  const timings = await interleave(contestants, rounds);
  const reference = timings[0]?.median ?? NaN;
  return timings.map(({ name, median, min, q1, q3, max, samples }, at) => ({
    scenario,
    contestant: name,
    steps,
    medianMs: median,
    minMs: min,
    q1Ms: q1,
    q3Ms: q3,
    maxMs: max,
    samples,
    nsPerStep: (median * 1e6) / steps,
    timesFaster: reference / median,
    note: contestants[at]?.note ?? '',
  }));
}
