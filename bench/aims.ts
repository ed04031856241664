import { readFileSync } from 'node:fs';

import type { BenchResult } from './result.ts';

/** Where the reached figure of an aim is found in a result. */
type Source =
  | {
      readonly kind: 'row';
      readonly scenario: string;
      readonly steps: number;
      readonly contestant: string;
      readonly field: 'nsPerStep' | 'medianMs';
    }
  | {
      readonly kind: 'ratio';
      readonly scenario: string;
      readonly steps: number;
      /** Its time is divided by that of `to`. */
      readonly of: string;
      readonly to: string;
    }
  | {
      readonly kind: 'figure';
      readonly scenario: string;
      readonly name: string;
      readonly note: string;
    }
  /** The figure of a scenario that is furthest from what is wanted. */
  | { readonly kind: 'worst'; readonly scenario: string };

/** A row of `aims.json`. */
interface Aim {
  readonly aim: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  /** What must be reached. */
  readonly least: number;
  /** What is aimed at. */
  readonly wanted: number;
  /** Of several sources the best counts. */
  readonly from: readonly Source[];
  /** Why the aim is not reached where it is not. */
  readonly missed: string;
}

/** An aim and what a result says of it. */
export interface AimReached extends Aim {
  /** NaN where the result does not have it. */
  readonly reached: number;
  readonly verdict: 'aim reached' | 'least reached' | 'missed' | 'not measured';
}

const AIMS = JSON.parse(
  readFileSync(new URL('aims.json', import.meta.url), 'utf8'),
) as readonly Aim[];

function medianOf(result: BenchResult, scenario: string, steps: number, contestant: string) {
  return result.rows.find(
    (row) => row.scenario === scenario && row.contestant === contestant && row.steps === steps,
  );
}

function valueOf(result: BenchResult, source: Source, better: Aim['better']): number {
  switch (source.kind) {
    case 'row':
      return (
        medianOf(result, source.scenario, source.steps, source.contestant)?.[source.field] ?? NaN
      );
    case 'ratio': {
      const of = medianOf(result, source.scenario, source.steps, source.of)?.medianMs ?? NaN;
      return of / (medianOf(result, source.scenario, source.steps, source.to)?.medianMs ?? NaN);
    }
    case 'figure':
      return (
        result.figures.find(
          ({ scenario, name, note }) =>
            scenario === source.scenario && name === source.name && note === source.note,
        )?.median ?? NaN
      );
    case 'worst': {
      const values = result.figures
        .filter(({ scenario }) => scenario === source.scenario)
        .map(({ median }) => median);
      if (values.length === 0) return NaN;
      return better === 'lower' ? Math.max(...values) : Math.min(...values);
    }
  }
}

/** What a result reaches of every aim. */
export function reachedAims(result: BenchResult): AimReached[] {
  return AIMS.map((aim) => {
    const values = aim.from
      .map((source) => valueOf(result, source, aim.better))
      .filter((value) => Number.isFinite(value));
    const lower = aim.better === 'lower';
    const reached = values.length === 0 ? NaN : lower ? Math.min(...values) : Math.max(...values);
    const meets = (bound: number): boolean => (lower ? reached <= bound : reached >= bound);
    const verdict = Number.isNaN(reached)
      ? 'not measured'
      : meets(aim.wanted)
        ? 'aim reached'
        : meets(aim.least)
          ? 'least reached'
          : 'missed';
    return { ...aim, reached, verdict };
  });
}
