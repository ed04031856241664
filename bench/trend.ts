/** One look at a quantity. */
export interface Sample {
  /** Seconds since the start. */
  readonly seconds: number;
  readonly value: number;
}

/** A straight line through samples. */
export interface Trend {
  /** Change a minute. */
  readonly slope: number;
  /** Ends of the interval that holds the slope with 95 % confidence. */
  readonly low: number;
  readonly high: number;
}

/** Samples next to each other resemble each other; means of so many stretches hardly do. */
const STRETCHES = 20;

/** Two-sided 95 % of Student's t, by degrees of freedom from 1; the last one serves for all above. */
const STUDENT = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12,
  2.11, 2.1,
] as const;

function stretchMeans(samples: readonly Sample[]): Sample[] {
  const count = Math.min(STRETCHES, samples.length);
  return Array.from({ length: count }, (_, at) => {
    const part = samples.slice(
      Math.floor((samples.length * at) / count),
      Math.floor((samples.length * (at + 1)) / count),
    );
    const mean = (read: (sample: Sample) => number): number =>
      part.reduce((sum, sample) => sum + read(sample), 0) / part.length;
    return { seconds: mean((sample) => sample.seconds), value: mean((sample) => sample.value) };
  });
}

/**
 * Least squares over the means of up to 20 stretches, with the interval of Student's t.
 *
 * @returns NaN throughout for fewer than three samples
 */
export function trendOf(samples: readonly Sample[]): Trend {
  const points = stretchMeans(samples);
  const count = points.length;
  if (count < 3) return { slope: NaN, low: NaN, high: NaN };
  const meanX = points.reduce((sum, { seconds }) => sum + seconds / 60, 0) / count;
  const meanY = points.reduce((sum, { value }) => sum + value, 0) / count;
  let squares = 0;
  let products = 0;
  for (const { seconds, value } of points) {
    squares += (seconds / 60 - meanX) ** 2;
    products += (seconds / 60 - meanX) * (value - meanY);
  }
  const slope = products / squares;
  let rest = 0;
  for (const { seconds, value } of points) {
    rest += (value - meanY - slope * (seconds / 60 - meanX)) ** 2;
  }
  const student = STUDENT[Math.min(count - 2, STUDENT.length) - 1] as number;
  const error = student * Math.sqrt(rest / (count - 2) / squares);
  return { slope, low: slope - error, high: slope + error };
}
