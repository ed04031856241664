/** Version of the JSON that a run writes; raised when a field changes its meaning or goes. */
export const RESULT_SCHEMA = 1;

/** Where the samples of one contestant lie: the middle, and how far they spread around it. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  /** A quarter of the samples is below, a quarter above `q3`. */
  readonly q1: number;
  readonly q3: number;
  readonly max: number;
  readonly samples: number;
}

/** How long one contestant took for one question. */
export interface ResultRow {
  /** The question; contestants of one scenario and size answered the same one, in turns. */
  readonly scenario: string;
  readonly contestant: string;
  readonly steps: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly q1Ms: number;
  readonly q3Ms: number;
  readonly maxMs: number;
  readonly samples: number;
  readonly nsPerStep: number;
  /** How many times faster than the scenario's first contestant; 1 for that one itself. */
  readonly timesFaster: number;
  readonly note: string;
}

/** A figure that is no time of one call: a rate, a size, a ratio, a pause. */
export interface Figure extends Spread {
  readonly scenario: string;
  readonly name: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly note: string;
}

/** A contestant that could not take part, and why. */
export interface Skipped {
  readonly scenario: string;
  readonly contestant: string;
  readonly reason: string;
}

/** What every scenario hands back. */
export interface Measured {
  readonly rows: readonly ResultRow[];
  readonly figures?: readonly Figure[];
  readonly skipped?: readonly Skipped[];
}

/** When and how the engine's part of a result was taken, where it is another run's. */
export interface EngineRun {
  readonly startedAt: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly machine: BenchResult['machine'];
  /** What a reader should know of the machine's other work. */
  readonly remark: string;
}

/** The JSON of one run. */
export interface BenchResult {
  readonly schema: typeof RESULT_SCHEMA;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly options: {
    readonly only: readonly string[];
    readonly rounds: number;
    readonly maxSteps: number;
  };
  readonly rows: readonly ResultRow[];
  readonly figures: readonly Figure[];
  readonly skipped: readonly Skipped[];
  readonly engine?: EngineRun | undefined;
}

const isEngines = ({ scenario }: { readonly scenario: string }): boolean =>
  /^engines?, /.test(scenario);

/** A result with the engine's part of another, instead of its own. */
export function withEngine(result: BenchResult, other: BenchResult): BenchResult {
  const joined = <T extends { readonly scenario: string }>(
    own: readonly T[],
    others: readonly T[],
  ): T[] => [...own.filter((one) => !isEngines(one)), ...others.filter(isEngines)];
  return {
    ...result,
    rows: joined(result.rows, other.rows),
    figures: joined(result.figures, other.figures),
    skipped: joined(result.skipped, other.skipped),
    engine: other.engine,
  };
}

/** Median and quartiles of samples, by linear interpolation between the two nearest. */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? NaN;
    const above = sorted[Math.ceil(place)] ?? NaN;
    return below + (above - below) * (place - Math.floor(place));
  };
  return {
    median: at(0.5),
    min: at(0),
    q1: at(0.25),
    q3: at(0.75),
    max: at(1),
    samples: sorted.length,
  };
}

/**
 * The text of a result file as a result.
 *
 * Throws an Error that says what is wrong with it.
 */
export function parseResult(text: string): BenchResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('it is no JSON', { cause });
  }
  const result = (value ?? {}) as Partial<BenchResult>;
  if (result.schema !== RESULT_SCHEMA) {
    throw new Error(
      `its schema is ${String(result.schema)}, this program reads ${RESULT_SCHEMA}; run the benchmark again`,
    );
  }
  for (const field of ['rows', 'figures', 'skipped'] as const) {
    if (!Array.isArray(result[field])) throw new Error(`it has no list "${field}"`);
  }
  if (typeof result.machine !== 'object' || typeof result.options !== 'object') {
    throw new Error('it does not say where and how it was taken');
  }
  return result as BenchResult;
}
