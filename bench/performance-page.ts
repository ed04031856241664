import { reachedAims, type AimReached } from './aims.ts';
import type { Chart } from './charts.ts';
import type { BenchResult, Figure, ResultRow } from './result.ts';
import { enginesSection } from './engines-section.ts';
import { markdownTable as table } from './markdown-table.ts';
import { digits } from './table.ts';

const VERDICTS = {
  'aim reached': 'yes',
  'least reached': 'at least',
  missed: 'no',
  'not measured': 'not measured',
} as const satisfies Record<AimReached['verdict'], string>;

/** How far the reached figure is from the aim, and why. */
function shortfall(aim: AimReached): string {
  if (aim.verdict === 'aim reached') return '';
  if (aim.verdict === 'not measured') return aim.from.length === 0 ? aim.missed : '';
  const factor = aim.better === 'lower' ? aim.reached / aim.wanted : aim.wanted / aim.reached;
  const far = factor < 1.1 ? `${digits((factor - 1) * 100)} %` : `${digits(factor)} times`;
  const from = `${far} from the aim.`;
  return aim.missed === '' ? from : `${from} ${aim.missed}`;
}

function aimsTable(result: BenchResult): string {
  const titles = [
    'aim',
    'unit',
    'at least',
    'aim',
    'reached',
    'met',
    'by how much missed, and why',
  ];
  const rows = reachedAims(result).map((aim) => [
    aim.aim,
    aim.unit,
    digits(aim.least),
    digits(aim.wanted),
    digits(aim.reached),
    VERDICTS[aim.verdict],
    shortfall(aim),
  ]);
  return table(titles, [2, 3, 4], rows);
}

/** A row whose samples say more about the machine than about the contestant. */
const UNEVEN = 2;

/** The row's own note, and whether its samples lie far apart. */
function remarks({ note, medianMs, minMs, samples }: ResultRow): string {
  const times = medianMs / minMs;
  if (samples < 2 || !(times >= UNEVEN)) return note;
  const uneven = `uneven: the fastest sample is ${digits(times)} times as fast as the median`;
  return note === '' ? uneven : `${note}; ${uneven}`;
}

function rowsTable(rows: readonly ResultRow[]): string {
  const titles = ['contestant', 'median ms', 'min', 'quartiles', 'ns a step', 'times faster', ''];
  const cells = rows.map((row) => [
    row.contestant,
    digits(row.medianMs),
    digits(row.minMs),
    `${digits(row.q1Ms)} to ${digits(row.q3Ms)}`,
    digits(row.nsPerStep),
    digits(row.timesFaster),
    remarks(row),
  ]);
  return table(titles, [1, 2, 3, 4, 5], cells);
}

function figuresTable(figures: readonly Figure[]): string {
  const cells = figures.map(({ name, median, min, q1, q3, samples, unit, note }) => [
    name,
    digits(median),
    samples > 1 ? digits(min) : '',
    samples > 1 ? `${digits(q1)} to ${digits(q3)}` : '',
    unit,
    note,
  ]);
  return table(['figure', 'median', 'min', 'quartiles', 'unit', ''], [1, 2, 3], cells);
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** All of a scenario: its rows by size, then its figures. */
function scenarioSections(result: BenchResult): string[] {
  const names = new Set([...result.rows, ...result.figures].map(({ scenario }) => scenario));
  return [...names].map((name) => {
    const rows = result.rows.filter(({ scenario }) => scenario === name);
    const figures = result.figures.filter(({ scenario }) => scenario === name);
    const sizes = [...Map.groupBy(rows, ({ steps }) => steps)].map(
      ([steps, group]) => `${steps.toLocaleString('en')} steps:\n\n${rowsTable(group)}`,
    );
    const tables = figures.length === 0 ? sizes : [...sizes, figuresTable(figures)];
    return `### ${upper(name)}\n\n${tables.join('\n\n')}`;
  });
}

/** docs/performance.md: everything from the result, nothing measured here. */
export function performancePage(result: BenchResult, charts: readonly Chart[]): string {
  const { machine, options, startedAt, seconds } = result;
  const facts = Object.entries(machine).map(([fact, value]) => [fact, String(value)]);
  const pictures = charts.map(({ name, title }) => `![${title}](charts/${name}.svg)`);
  const skipped = result.skipped.map(
    ({ scenario, contestant, reason }) => `- ${contestant} in "${scenario}": ${reason}`,
  );
  const parts = [
    '# Performance',
    `<!-- Written by \`npm run bench:report\` from bench/results/published.json; changes are lost. -->`,
    `Measured on ${startedAt.slice(0, 10)} in ${digits(seconds / 60)} minutes, up to ${options.maxSteps.toLocaleString('en')} steps. Answers were compared before anything was timed; contestants took turns, ${options.rounds} rounds. Unless a table says otherwise, tasks have 10 steps and come from five templates ("typical" in memory, the data set "batch10" in the database).`,
    '## The machine',
    table(['', ''], [], facts),
    '## Reproduce it',
    [
      '```sh',
      'npm run bench                                   # writes bench/results/latest.json',
      'npm run bench -- --compare bench/results/published.json',
      'npm run bench:engine -- --peers                 # the engine and its peers',
      'npm run bench:report                            # this page and its charts',
      'npm run bench:report -- --engine bench/results/engine.json',
      'npm run bench:scale                             # peak memory of very large runs',
      'npm run bench:soak -- --minutes 30              # memory of a resolver that never rests',
      '```',
    ].join('\n'),
    '## Aims',
    'A figure that lies between "at least" and the aim is good enough; the last column says what keeps it from the aim.',
    aimsTable(result),
    ...enginesSection(result),
    ...(pictures.length === 0 ? [] : ['## Charts', ...pictures]),
    '## All results',
    'The quartiles enclose the middle half of the samples. "Times faster" is against the first contestant of the table.',
    ...scenarioSections(result),
    ...(skipped.length === 0 ? [] : ['## Left out', skipped.join('\n')]),
  ];
  return `${parts.join('\n\n')}\n`;
}
