import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

import type { BenchResult, ResultRow } from './result.ts';

/** One picture of the report. */
export interface Chart {
  /** File name without its ending. */
  readonly name: string;
  readonly title: string;
  readonly spec: TopLevelSpec;
}

const INK = '#1f2328';
const FAINT = '#d1d9e0';
const PAPER = '#ffffff';

/** What the colours of a chart become on a dark page. */
const DARK: Readonly<Record<string, string>> = {
  [INK]: '#e6edf3',
  [FAINT]: '#3d444d',
  [PAPER]: '#0d1117',
};

/** Distinct to colour-blind eyes, readable on white and on near-black. */
const COLOURS = ['#3b82c4', '#d9730d', '#1a9e77', '#c2569b', '#8a7a00', '#7a7f87'];

const CONFIG = {
  background: PAPER,
  font: 'system-ui, -apple-system, Segoe UI, sans-serif',
  title: { color: INK, fontSize: 14, anchor: 'start', offset: 12 },
  axis: {
    labelColor: INK,
    titleColor: INK,
    gridColor: FAINT,
    domainColor: FAINT,
    tickColor: FAINT,
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 1000,
  },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 12,
    labelLimit: 300,
    symbolStrokeWidth: 3,
    symbolOpacity: 1,
  },
  view: { stroke: null },
  range: { category: COLOURS },
} as const;

/** The powers of ten from below the least value to above the greatest: grid lines that can be read. */
function decades(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least));
  const last = Math.ceil(Math.log10(most));
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

/** A number with three digits that count, as an expression of Vega. */
const THREE_DIGITS =
  "datum.value >= 1000 ? format(datum.value, ',.0f') : format(datum.value, '.3~r')";

interface Bar {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Bars with the number at the end of each and a line from quartile to quartile. The axis begins at
 * 0, so that lengths compare, but where the values are too far apart for that: then it is
 * logarithmic, and says so in its title.
 */
function bars(
  title: string,
  axis: string,
  values: readonly Bar[],
  kind: 'log' | 'linear' = 'log',
): TopLevelSpec {
  const least = Math.min(...values.map(({ low }) => low));
  const floor = kind === 'log' ? 10 ** Math.floor(Math.log10(least)) : 0;
  const most = Math.max(...values.map(({ high }) => high));
  const end = kind === 'log' ? most * 4 : most * 1.15;
  const scale = { type: kind, domain: [floor, end], nice: false };
  const y = { field: 'name', type: 'nominal', sort: null, title: null } as const;
  return {
    title,
    width: 560,
    height: { step: 26 },
    data: { values: values.map((value) => ({ ...value, floor })) },
    encoding: { y },
    layer: [
      {
        mark: { type: 'bar', color: COLOURS[0] as string, height: { band: 0.66 } },
        encoding: {
          x: {
            field: 'floor',
            type: 'quantitative',
            scale,
            title: axis,
            ...(kind === 'log' ? { axis: { values: decades(floor, most) } } : {}),
          },
          x2: { field: 'value' },
        },
      },
      {
        mark: { type: 'rule', color: INK, strokeWidth: 2 },
        encoding: { x: { field: 'low', type: 'quantitative', scale }, x2: { field: 'high' } },
      },
      {
        transform: [{ calculate: THREE_DIGITS, as: 'label' }],
        mark: { type: 'text', align: 'left', dx: 8, color: INK, fontSize: 12 },
        encoding: {
          x: { field: 'high', type: 'quantitative', scale },
          text: { field: 'label' },
        },
      },
    ],
  };
}

/** Lines over the size on two logarithmic axes, a band from quartile to quartile. */
function lines(
  title: string,
  axis: string,
  values: readonly (Bar & { readonly steps: number })[],
): TopLevelSpec {
  const x = {
    field: 'steps',
    type: 'quantitative',
    scale: { type: 'log', nice: false },
    title: 'steps',
    axis: {
      format: '~s',
      values: decades(
        Math.min(...values.map(({ steps }) => steps)),
        Math.max(...values.map(({ steps }) => steps)),
      ),
    },
  } as const;
  const y = {
    type: 'quantitative',
    scale: { type: 'log' },
    title: axis,
    axis: {
      values: decades(
        Math.min(...values.map(({ low }) => low)),
        Math.max(...values.map(({ high }) => high)),
      ),
    },
  } as const;
  const color = { field: 'name', type: 'nominal', sort: null, title: null } as const;
  return {
    title,
    width: 560,
    height: 320,
    data: { values: [...values] },
    encoding: { x, color },
    layer: [
      {
        mark: { type: 'area', opacity: 0.2 },
        encoding: {
          y: { field: 'low', ...y },
          y2: { field: 'high' },
        },
      },
      {
        mark: { type: 'line', point: { size: 36 }, strokeWidth: 2 },
        encoding: { y: { field: 'value', ...y } },
      },
    ],
  };
}

/** Rows of a scenario at its largest size. */
function largest(result: BenchResult, scenario: string): ResultRow[] {
  const rows = result.rows.filter((row) => row.scenario === scenario);
  const steps = Math.max(...rows.map((row) => row.steps));
  return rows.filter((row) => row.steps === steps);
}

const perStep = (row: ResultRow): Bar => ({
  name: row.contestant,
  value: row.nsPerStep,
  low: (row.q1Ms * 1e6) / row.steps,
  high: (row.q3Ms * 1e6) / row.steps,
});

const sizeOf = (rows: readonly ResultRow[]): string =>
  `${(rows[0]?.steps ?? 0).toLocaleString('en')} steps`;

const milliseconds = (row: ResultRow): Bar => ({
  name: row.contestant,
  value: row.medianMs,
  low: row.q1Ms,
  high: row.q3Ms,
});

/** Our engine and the peers, a chart for each workload. */
function engineCharts(result: BenchResult): Chart[] {
  const perSecond = (row: ResultRow): Bar => ({
    name: row.contestant,
    value: (row.steps * 1000) / row.medianMs,
    low: (row.steps * 1000) / row.q3Ms,
    high: (row.steps * 1000) / row.q1Ms,
  });
  const kinds = [
    [
      'engines-sample-dags',
      'sample DAGs',
      'Create and run, longer is better',
      'steps/s',
      perSecond,
    ],
    [
      'engines-chain',
      'chain of 10',
      'A chain of 10 steps from creation to end',
      'ms',
      milliseconds,
    ],
    ['engines-fan', 'fan', 'A fan from one step to many to one', 'ms', milliseconds],
  ] as const;
  return kinds.flatMap(([name, workload, title, unit, bar]) => {
    const rows = largest(result, `engines, ${workload}`);
    const axis = `${unit} (logarithmic; line: middle half of the samples)`;
    return rows.length === 0 ? [] : [{ name, title, spec: bars(title, axis, rows.map(bar)) }];
  });
}

/** The charts that a result has the numbers for. */
export function chartsOf(result: BenchResult): Chart[] {
  const charts: Chart[] = [];
  const add = (name: string, title: string, there: boolean, spec: () => TopLevelSpec): void => {
    if (there) charts.push({ name, title, spec: spec() });
  };
  const warm = largest(result, 'warm readiness, typical');
  const warmTitle = `Readiness of ${sizeOf(warm)} in memory, all outputs`;
  add('warm-readiness', warmTitle, warm.length > 0, () =>
    bars(warmTitle, 'ns a step (logarithmic; line: middle half of the samples)', warm.map(perStep)),
  );
  const database = largest(result, 'database');
  const sqlTitle = `The same question to PostgreSQL and to the resolver, ${sizeOf(database)}`;
  add('against-sql', sqlTitle, database.length > 0, () =>
    bars(
      sqlTitle,
      'ms (logarithmic; line: middle half of the samples)',
      database.map(milliseconds),
    ),
  );
  for (const scenario of ['routing', 'routing without the addon']) {
    const rows = result.rows.filter((row) => row.scenario === scenario);
    const title = `Warm resolution by size, ${scenario}: "auto" should be the lowest line`;
    add(scenario.replaceAll(' ', '-'), title, rows.length > 0, () =>
      lines(
        title,
        'ns a step (logarithmic)',
        rows.map((row) => ({ ...perStep(row), steps: row.steps })),
      ),
    );
  }
  charts.push(...engineCharts(result));
  const held = result.figures.filter(
    ({ scenario, name }) => scenario === 'memory' && name.startsWith('held, '),
  );
  const known = held.filter(({ median }) => median > 0);
  const heldTitle = `Memory that a loaded graph holds, ${held[0]?.note ?? ''}`;
  add('memory', heldTitle, known.length > 0, () =>
    bars(
      heldTitle,
      'bytes a step',
      known.map(({ name, median }) => ({
        name: name.slice('held, '.length),
        value: median,
        low: median,
        high: median,
      })),
      'linear',
    ),
  );
  return charts;
}

/** Draws a chart as SVG text that follows the reader's choice of light or dark. */
export async function drawChart({ title, spec }: Pick<Chart, 'title' | 'spec'>): Promise<string> {
  const { spec: compiled } = compile({ ...spec, padding: 12 }, { config: CONFIG });
  const view = new View(parse(compiled), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  const rules = Object.entries(DARK).flatMap(([light, dark]) => [
    `[fill="${light}"]{fill:${dark}}`,
    `[stroke="${light}"]{stroke:${dark}}`,
  ]);
  const style = `<style>@media (prefers-color-scheme: dark){${rules.join('')}}</style>`;
  const head = svg.indexOf('>') + 1;
  return `${svg.slice(0, head)}<title>${escapeXml(title)}</title>${style}${svg.slice(head)}\n`;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
