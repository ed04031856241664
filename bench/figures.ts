import { spreadOf, type Figure } from './result.ts';

/** A figure of several samples. */
export function figure(
  scenario: string,
  name: string,
  samples: readonly number[],
  about: { unit: string; better: 'lower' | 'higher'; note?: string },
): Figure {
  return { scenario, name, note: '', ...about, ...spreadOf(samples) };
}

/** A figure that follows from other medians, or is no measurement: one value. */
export function single(
  scenario: string,
  name: string,
  value: number,
  about: { unit: string; better: 'lower' | 'higher'; note?: string },
): Figure {
  return figure(scenario, name, [value], about);
}
