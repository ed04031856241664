import { markdownTable } from './markdown-table.ts';
import type { BenchResult, ResultRow } from './result.ts';
import { digits } from './table.ts';

const scenarioOf = (workload: string): string => `engines, ${workload}`;

/** Columns of the table: the workload, its title, and what a cell says of a row. */
const COLUMNS = [
  ['sample DAGs', 'sample DAGs, steps/s', (row: ResultRow) => (row.steps * 1000) / row.medianMs],
  ['chain of 10', 'chain of 10, p50 ms', (row: ResultRow) => row.medianMs],
  ['fan', 'fan, ms', (row: ResultRow) => row.medianMs],
  ['pick-up', 'pick-up, p50 ms', (row: ResultRow) => row.medianMs],
] as const;

/** The part of the page on our engine and its peers; nothing where a result has none. */
export function enginesSection(result: BenchResult): string[] {
  const { engine, rows } = result;
  if (engine === undefined) return [];
  const named = rows.filter(({ scenario }) => scenario.startsWith('engines, '));
  const contestants = [...new Set(named.map(({ contestant }) => contestant))];
  const rowOf = (workload: string, contestant: string): ResultRow | undefined =>
    named.find((row) => row.scenario === scenarioOf(workload) && row.contestant === contestant);
  const cells = contestants.map((contestant) => [
    contestant,
    ...COLUMNS.map(([workload, , value]) => {
      const row = rowOf(workload, contestant);
      return row === undefined ? '—' : `${digits(value(row))} (${digits(row.timesFaster)} ×)`;
    }),
  ]);
  const notes = contestants.flatMap((contestant) =>
    COLUMNS.flatMap(([workload]) => {
      const note = rowOf(workload, contestant)?.note ?? '';
      return note === '' ? [] : [`- ${contestant}, ${workload}: ${note}.`];
    }),
  );
  const facts = Object.entries(engine.machine)
    .filter(([fact]) => fact.startsWith('postgres') || fact.startsWith('load') || fact === 'commit')
    .map(([fact, value]) => `${fact} ${value}`);
  const steps = rowOf('sample DAGs', contestants[0] ?? '')?.steps ?? 0;
  const fan = rowOf('fan', contestants[0] ?? '')?.steps ?? 0;
  const parts = [
    '## The engine beside others',
    `Measured on ${engine.startedAt.slice(0, 10)} in ${digits(engine.seconds / 60)} minutes, ${engine.rounds} rounds; ${facts.join(', ')}. Handlers do nothing; client and server share the machine. Tables are analysed after the warm-up, as autovacuum does it a minute later.`,
    ...(engine.remark === '' ? [] : [engine.remark]),
  ];
  if (contestants.length === 0) return parts;
  return [
    ...parts,
    `${steps.toLocaleString('en')} steps of sample DAGs, a fan of ${fan.toLocaleString('en')} steps. Each contestant is alone on the server in its turn; the handlers count that every step ran once and after its parents. pg-boss and BullMQ are timed to the last handler's call, which is before its end is stored; ours and DBOS to the stored end. In brackets: how many times as fast as ours.`,
    markdownTable(['engine', ...COLUMNS.map(([, title]) => title)], [1, 2, 3, 4], cells),
    [...notes, ...leftOut(result)].join('\n'),
  ];
}

/** Why a cell of the table is a dash. */
function leftOut({ skipped }: BenchResult): string[] {
  const engines = skipped.filter(({ scenario }) => scenario.startsWith('engines, '));
  return [...Map.groupBy(engines, ({ contestant, reason }) => `${contestant}, —: ${reason}.`)].map(
    ([text]) => `- ${text}`,
  );
}
