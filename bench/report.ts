import { cpus, totalmem } from 'node:os';

/** One row of a result. */
export interface ResultRow {
  readonly scenario: string;
  readonly contestant: string;
  readonly steps: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly nsPerStep: number;
  /** How many times faster than the scenario's reference; 1 for the reference itself. */
  readonly timesFaster: number;
  readonly note: string;
}

/** The machine that a result was taken on. */
export function describeMachine(): Record<string, string | number> {
  const cores = cpus();
  return {
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform}-${process.arch}`,
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

const COLUMNS = [
  ['scenario', (row) => row.scenario],
  ['contestant', (row) => row.contestant],
  ['steps', (row) => row.steps.toLocaleString('en')],
  ['median ms', (row) => digits(row.medianMs)],
  ['min', (row) => digits(row.minMs)],
  ['max', (row) => digits(row.maxMs)],
  ['ns/step', (row) => digits(row.nsPerStep)],
  ['times faster', (row) => digits(row.timesFaster)],
  ['note', (row) => row.note],
] as const satisfies readonly (readonly [string, (row: ResultRow) => string])[];

function digits(value: number): string {
  if (!Number.isFinite(value)) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** The rows as a text table, numbers to the right. */
export function formatTable(rows: readonly ResultRow[]): string {
  const cells = [
    COLUMNS.map(([title]) => title as string),
    ...rows.map((row) => COLUMNS.map(([, read]) => read(row))),
  ];
  const widths = COLUMNS.map((_, at) => Math.max(...cells.map((line) => (line[at] ?? '').length)));
  const isText = (at: number): boolean => at < 2 || at === COLUMNS.length - 1;
  return cells
    .map((line) =>
      line
        .map((cell, at) =>
          isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
