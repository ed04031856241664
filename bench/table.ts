import { textTable } from '../src/cli/text-table.ts';
import type { Figure, ResultRow, Skipped } from './result.ts';

/** A number with three digits that count; thousands separated. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value === 0 ? '0' : Number(value.toPrecision(3)).toString();
}

const bySize = (row: ResultRow): string =>
  `${row.scenario}, ${row.steps.toLocaleString('en')} steps`;

/** The rows as text, one table a scenario and size. */
export function formatRows(rows: readonly ResultRow[]): string {
  return [...Map.groupBy(rows, bySize)]
    .map(([title, group]) => {
      const columns = [
        { title: 'contestant' },
        ...['median ms', 'min', 'quartiles', 'ns/step', 'times faster'].map((heading) => ({
          title: heading,
          align: 'right' as const,
        })),
        { title: 'note' },
      ];
      const cells = group.map((row) => [
        row.contestant,
        digits(row.medianMs),
        digits(row.minMs),
        `${digits(row.q1Ms)}-${digits(row.q3Ms)}`,
        digits(row.nsPerStep),
        digits(row.timesFaster),
        row.note,
      ]);
      return `${title}\n${textTable(columns, cells)}`;
    })
    .join('\n');
}

/** The figures and who was left out, as text. */
export function formatFigures(figures: readonly Figure[], skipped: readonly Skipped[]): string {
  const columns = [
    { title: 'figure' },
    { title: 'median', align: 'right' as const },
    { title: 'quartiles', align: 'right' as const },
    { title: 'unit' },
    { title: 'note' },
  ];
  const cells = figures.map(({ scenario, name, median, q1, q3, samples, unit, note }) => [
    `${scenario}: ${name}`,
    digits(median),
    samples > 1 ? `${digits(q1)}-${digits(q3)}` : '',
    unit,
    note,
  ]);
  const without = skipped.map(
    ({ scenario, contestant, reason }) => `not in "${scenario}": ${contestant}: ${reason}\n`,
  );
  return `${cells.length > 0 ? textTable(columns, cells) : ''}${without.join('')}`;
}
