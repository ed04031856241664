import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compareResults } from '../../bench/compare.ts';
import { StepRecord } from '../../bench/engine/step-record.ts';
import { parseResult, spreadOf, type BenchResult } from '../../bench/result.ts';
import { SCENARIOS } from '../../bench/scenarios.ts';
import { trendOf } from '../../bench/trend.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasker-core-bench-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of the benchmark as npm does. */
function run(script: string, ...args: string[]): Promise<Ended> {
  return new Promise((done) => {
    const command = [join(project, 'bench', script), ...args];
    execFile(process.execPath, command, { cwd: project }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

const FIXED: BenchResult = {
  schema: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  seconds: 60,
  machine: { cpu: 'a processor', cores: 2 },
  options: { only: ['warm'], rounds: 5, maxSteps: 1_000_000 },
  rows: [
    ['TypeScript', 10],
    ['native, 1 thread', 2],
  ].map(([contestant, ms]) => ({
    scenario: 'warm readiness, typical',
    contestant: contestant as string,
    steps: 1_000_000,
    medianMs: ms as number,
    minMs: (ms as number) * 0.9,
    q1Ms: (ms as number) * 0.95,
    q3Ms: (ms as number) * 1.05,
    maxMs: (ms as number) * 1.2,
    samples: 5,
    nsPerStep: ms as number,
    timesFaster: 10 / (ms as number),
    note: '',
  })),
  figures: [
    {
      scenario: 'resident graph, typical',
      name: 'complete in order',
      unit: 'steps/s',
      better: 'higher',
      note: '1,000,000 steps',
      ...spreadOf([4e6, 5e6, 6e6]),
    },
  ],
  skipped: [{ scenario: 'levels', contestant: 'C loop', reason: 'there is no C compiler (cc)' }],
};

/** The fixed result with every median of the rows and figures multiplied. */
function scaled(factor: number): BenchResult {
  return {
    ...FIXED,
    rows: FIXED.rows.map((row) => ({
      ...row,
      medianMs: row.medianMs * factor,
      q1Ms: row.q1Ms * factor,
      q3Ms: row.q3Ms * factor,
    })),
    figures: FIXED.figures.map((one) => ({
      ...one,
      median: one.median * factor,
      q1: one.q1 * factor,
      q3: one.q3 * factor,
    })),
  };
}

describe('the count of what a peer ran', () => {
  const dag = { name: 'diamond', parents: [[], [0], [0], [1, 2]] };

  test('is over when every step of every task has run', async () => {
    const record = new StepRecord(dag, 2);
    for (const step of [0, 2, 1, 3]) {
      record.run(1, step);
      record.run(0, step);
    }
    expect(await record.allRan).toBeGreaterThan(0);
  });

  test('refuses a step before its parent, and one that runs again', async () => {
    const early = new StepRecord(dag, 1);
    for (const step of [0, 1, 3]) early.run(0, step);
    await expect(early.allRan).rejects.toThrow(
      'step 3 of task 0 of diamond runs before its parent 2',
    );
    const twice = new StepRecord(dag, 1);
    for (const step of [0, 1, 1]) twice.run(0, step);
    await expect(twice.allRan).rejects.toThrow('step 1 of task 0 of diamond runs again');
  });
});

describe('the report', () => {
  test('comes from the JSON alone: page, charts and the JSON itself', async () => {
    const input = join(folder, 'fixed.json');
    const root = join(folder, 'report');
    const [first] = FIXED.rows as [(typeof FIXED.rows)[number]];
    const result: BenchResult = {
      ...FIXED,
      rows: [
        ...FIXED.rows,
        ...FIXED.rows.map((row) => ({
          ...row,
          scenario: 'database',
          contestant: `warm readiness: ${row.contestant}`,
        })),
        { ...first, contestant: 'pool, 2 threads', minMs: 3, note: 'woken first' },
      ],
      figures: [
        ...FIXED.figures,
        ...['snapshot', 'graphology'].map((name, at) => ({
          scenario: 'memory',
          name: `held, ${name}`,
          unit: 'bytes a step',
          better: 'lower' as const,
          note: '1,000,000 steps',
          ...spreadOf([90 + at * 1000]),
        })),
      ],
    };
    await writeFile(input, JSON.stringify(result));
    const ended = await run('report.ts', '--input', input, '--root', root);
    expect(ended.stderr).toBe('');
    const page = await readFile(join(root, 'docs/performance.md'), 'utf8');
    expect(page).toContain('| cpu | a processor |');
    expect(page).toMatch(
      /\| warm readiness, all outputs, 1 M steps of batch10: TypeScript \| .*\| 10 \| at least \| 1\.67 times/,
    );
    expect(page).toMatch(/1 M steps of batch10: native \| .*\| 2 \| yes \|/);
    expect(page).toMatch(/with stored graphs .*\| not measured \| Not built: /);
    expect(page).toMatch(/\| TypeScript \| 10 \| 9 \| .*\| 1 \|  \|/);
    expect(page).toMatch(/\| woken first; uneven: .* 3\.33 times as fast as the median \|/);
    expect(page).toContain('C loop in "levels": there is no C compiler (cc)');
    expect(await readdir(join(root, 'docs/charts'))).toEqual([
      'against-sql.svg',
      'memory.svg',
      'warm-readiness.svg',
    ]);
    const chart = await readFile(join(root, 'docs/charts/warm-readiness.svg'), 'utf8');
    expect(chart).toMatch(/^<svg /);
    expect(chart).toContain('prefers-color-scheme: dark');
    expect(chart).toContain('ns a step');
    expect(chart).toContain('native, 1 thread');
    const memory = await readFile(join(root, 'docs/charts/memory.svg'), 'utf8');
    expect(memory).toContain('1,090');
    expect(memory).not.toContain('logarithmic');
    const kept = await readFile(join(root, 'bench/results/published.json'), 'utf8');
    expect(parseResult(kept)).toEqual(result);
  });

  test('that is published is the one that its JSON gives', async () => {
    const root = join(folder, 'published');
    const input = join(project, 'bench/results/published.json');
    expect((await run('report.ts', '--input', input, '--root', root)).code).toBe(0);
    const page = 'docs/performance.md';
    expect(await readFile(join(root, page), 'utf8')).toBe(
      await readFile(join(project, page), 'utf8'),
    );
    expect(await readdir(join(root, 'docs/charts'))).toEqual(
      await readdir(join(project, 'docs/charts')),
    );
  });
});

test('the engine is published apart: one part stays when the other is taken again', async () => {
  const root = join(folder, 'joined');
  const published = join(root, 'bench/results/published.json');
  const publish = async (option: string, result: BenchResult): Promise<BenchResult> => {
    const path = join(folder, 'part.json');
    await writeFile(path, JSON.stringify(result));
    expect((await run('report.ts', option, path, '--root', root)).code).toBe(0);
    return parseResult(await readFile(published, 'utf8'));
  };
  const [row] = FIXED.rows;
  const rows = [
    { ...row, scenario: 'engines, sample DAGs', contestant: 'ours' },
  ] as typeof FIXED.rows;
  const { startedAt, seconds, machine } = FIXED;
  const engine = { startedAt, seconds, machine, rounds: 3, remark: 'The machine was at rest.' };
  await publish('--input', FIXED);
  const joined = await publish('--engine', { ...FIXED, rows, figures: [], skipped: [], engine });
  expect(joined).toEqual({ ...FIXED, rows: [...FIXED.rows, ...rows], engine });
  expect(await publish('--input', scaled(2))).toMatchObject({ engine, rows: { length: 3 } });
  const page = await readFile(join(root, 'docs/performance.md'), 'utf8');
  expect(page).toContain('The machine was at rest.');
  expect(page).toContain('| ours | ');
});

describe('--compare', () => {
  test('marks what got worse beyond the spread of both, times and rates alike', () => {
    const slower = compareResults(FIXED, scaled(1.5));
    expect(slower.changes.map(({ verdict }) => verdict)).toEqual(['worse', 'worse', 'better']);
    const worse = compareResults(scaled(2), FIXED).changes.map(({ verdict }) => verdict);
    expect(worse).toEqual(['better', 'better', 'worse']);
  });

  test('lets pass what lies within the spread', () => {
    const { changes } = compareResults(FIXED, scaled(1.08));
    expect(changes.map(({ verdict }) => verdict)).toEqual(['alike', 'alike', 'alike']);
  });

  test('works between two files without a run, and names what differs', async () => {
    const before = join(folder, 'before.json');
    const after = join(folder, 'after.json');
    await writeFile(before, JSON.stringify(FIXED));
    await writeFile(after, JSON.stringify({ ...scaled(3), machine: { cpu: 'another', cores: 2 } }));
    const { code, stdout } = await run('run.ts', '--input', after, '--compare', before);
    expect(code).toBe(0);
    expect(stdout).toMatch(/TypeScript +10 +30 +ms +3 +SLOWER/);
    expect(stdout).toContain('cpu: a processor → another');
    expect(stdout).toMatch(/2 slower, 1 faster, 0 alike\n$/);
  });
});

describe('wrong arguments end with 64 and name the argument', () => {
  test.for([
    [['--rounds', '0'], '--rounds is "0"'],
    [['--max-steps', 'many'], '--max-steps is "many"'],
    [['--only', 'warm,unknown'], 'no scenario "unknown"'],
    [['--fast'], "'--fast'"],
    [['stray'], 'stray'],
    [['--input', 'some.json'], '--input needs --compare'],
    [['--compare', 'not-there.json'], '--compare not-there.json cannot be used'],
    [['--output', 'package.json/run.json', '--only', 'layout'], '--output package.json/run.json'],
    [['--output', 'bench', '--only', 'layout'], '--output bench cannot be written'],
  ] as const)('%j', async ([args, message]) => {
    const ended = await run('run.ts', ...args);
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain(message);
    expect(ended.stdout).toBe('');
  });

  test('a file of another schema', async () => {
    const path = join(folder, 'old.json');
    await writeFile(path, JSON.stringify({ ...FIXED, schema: 0 }));
    const ended = await run('run.ts', '--compare', path, '--only', 'layout');
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain('schema is 0');
    expect((await run('report.ts', '--input', path, '--root', folder)).code).toBe(64);
  });

  test('of the run at scale', async () => {
    const ended = await run('scale.ts', '--tasks', '1e-3');
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain('--tasks is "1e-3"');
  });

  test('of the engine', async () => {
    const ended = await run('engine.ts', '--long-run', '0');
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain('--long-run is "0"');
  });

  test('of the soak', async () => {
    const ended = await run('soak.ts', '--minutes', 'long');
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain('--minutes is "long"');
  });
});

test('--list names every scenario, --help every option', async () => {
  const list = await run('run.ts', '--list');
  for (const { name } of SCENARIOS) expect(list.stdout).toContain(`${name} `);
  const help = await run('run.ts', '--help');
  for (const option of ['quick', 'only', 'rounds', 'max-steps', 'output', 'compare', 'input']) {
    expect(help.stdout).toContain(`--${option} `);
  }
});

describe('the soak', () => {
  test('tells growth from noise', () => {
    const series = (growth: number) =>
      Array.from({ length: 200 }, (_, at) => ({
        seconds: at * 3,
        value: 100 + ((at * 7919) % 13) + (growth * at * 3) / 60,
      }));
    const flat = trendOf(series(0));
    expect(flat.low).toBeLessThan(0);
    expect(flat.high).toBeGreaterThan(0);
    const growing = trendOf(series(2));
    expect(growing.low).toBeGreaterThan(1.5);
    expect(growing.high).toBeLessThan(2.5);
  });
});
