import { Bench } from 'tinybench';

/** One of several ways to do the same work. */
export interface Contestant {
  readonly name: string;
  readonly run: () => unknown;
}

/** What a contestant took, ms. */
export interface Timing {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly samples: number;
}

/** The middle of the samples; the upper one of an even number. */
function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? NaN;
}

/**
 * Times contestants in turns: each round runs each once, and each round starts with another, so
 * that a slow spell of the machine hits all of them. The first round is warm-up and not counted.
 */
export async function interleave(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<Timing[]> {
  const samples = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(round + turn) % contestants.length] as Contestant;
      const bench = new Bench({ iterations: 1, time: 0, warmup: false, retainSamples: true });
      bench.add(contestant.name, async () => void (await contestant.run()), { async: true });
      const [task] = await bench.run();
      const result = task?.result;
      if (result === undefined || !('latency' in result)) {
        throw new Error(`${contestant.name} did not finish`, {
          cause: result !== undefined && 'error' in result ? result.error : undefined,
        });
      }
      if (round > 0) samples.get(contestant.name)?.push(...(result.latency.samples ?? []));
    }
  }
  return contestants.map(({ name }) => {
    const taken = samples.get(name) as number[];
    return {
      name,
      medianMs: median(taken),
      minMs: Math.min(...taken),
      maxMs: Math.max(...taken),
      samples: taken.length,
    };
  });
}
