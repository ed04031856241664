import { textTable } from '../src/cli/text-table.ts';
import type { BenchResult } from './result.ts';
import { digits } from './table.ts';

/** Medians nearer to each other than this are alike, whatever the spreads say. */
const LEAST_CHANGE = 1.05;

/** What became of one contestant or figure between two runs. */
export interface Change {
  readonly what: string;
  readonly unit: string;
  readonly before: number;
  readonly after: number;
  /** How many times worse than before: above 1 for slower, larger, fewer a second. */
  readonly worse: number;
  readonly verdict: 'worse' | 'better' | 'alike';
}

/** Two runs side by side. */
export interface Comparison {
  readonly changes: readonly Change[];
  /** What only one of the two has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
  /** In what the machines differ. */
  readonly machines: readonly string[];
}

interface Measurement {
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
}

function measurements({ rows, figures }: BenchResult): Map<string, Measurement> {
  const found = new Map<string, Measurement>();
  for (const { scenario, contestant, steps, medianMs, q1Ms, q3Ms } of rows) {
    const what = `${scenario}, ${steps.toLocaleString('en')} steps: ${contestant}`;
    found.set(what, { unit: 'ms', better: 'lower', median: medianMs, q1: q1Ms, q3: q3Ms });
  }
  for (const { scenario, name, note, unit, better, median, q1, q3 } of figures) {
    const size = / steps/.test(name) || !/ steps/.test(note) ? '' : `, ${note}`;
    found.set(`${scenario}: ${name}${size}`, { unit, better, median, q1, q3 });
  }
  return found;
}

function verdictOf(before: Measurement, after: Measurement): Change['verdict'] {
  const ratio = after.median / before.median;
  if (ratio < LEAST_CHANGE && ratio > 1 / LEAST_CHANGE) return 'alike';
  const above = after.q1 > before.q3;
  const below = after.q3 < before.q1;
  if (!above && !below) return 'alike';
  return above === (before.better === 'lower') ? 'worse' : 'better';
}

/** Facts of the machine that say nothing about its speed. */
const NOT_COMPARED = new Set(['commit']);

/** Sets a run beside an earlier one; worse and better are beyond the noise of both. */
export function compareResults(before: BenchResult, after: BenchResult): Comparison {
  const old = measurements(before);
  const young = measurements(after);
  const changes = [...young].flatMap(([what, now]): Change[] => {
    const then = old.get(what);
    if (then === undefined) return [];
    const ratio = now.median / then.median;
    const worse = now.better === 'lower' ? ratio : 1 / ratio;
    const verdict = verdictOf(then, now);
    return [{ what, unit: now.unit, before: then.median, after: now.median, worse, verdict }];
  });
  const facts = new Set([...Object.keys(before.machine), ...Object.keys(after.machine)]);
  return {
    changes,
    onlyBefore: [...old.keys()].filter((what) => !young.has(what)),
    onlyAfter: [...young.keys()].filter((what) => !old.has(what)),
    machines: [...facts]
      .filter((fact) => !NOT_COMPARED.has(fact) && before.machine[fact] !== after.machine[fact])
      .map((fact) => `${fact}: ${before.machine[fact] ?? '-'} → ${after.machine[fact] ?? '-'}`),
  };
}

const MARKS = { worse: 'SLOWER', better: 'faster', alike: '' } as const;

/** The comparison as text; for figures that are no times "slower" means worse. */
export function formatComparison(comparison: Comparison): string {
  const { changes, onlyBefore, onlyAfter, machines } = comparison;
  const columns = [
    { title: 'what' },
    { title: 'before', align: 'right' as const },
    { title: 'after', align: 'right' as const },
    { title: 'unit' },
    { title: 'after / before', align: 'right' as const },
    { title: '' },
  ];
  const cells = changes.map(({ what, before, after, unit, verdict }) => [
    what,
    digits(before),
    digits(after),
    unit,
    digits(after / before),
    MARKS[verdict],
  ]);
  const count = (verdict: Change['verdict']): number =>
    changes.filter((change) => change.verdict === verdict).length;
  const missing = [
    ...onlyBefore.map((what) => `only before: ${what}\n`),
    ...onlyAfter.map((what) => `only after: ${what}\n`),
  ];
  const differ = machines.map((fact) => `the machines differ: ${fact}\n`);
  return [
    cells.length > 0 ? textTable(columns, cells) : '',
    ...missing,
    ...differ,
    `${count('worse')} slower, ${count('better')} faster, ${count('alike')} alike\n`,
  ].join('');
}
