import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parseResult } from '../../bench/result.ts';
import { SCENARIOS } from '../../bench/scenarios.ts';

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

test('every scenario runs at a tiny size, answers compared, and the report takes its JSON', async () => {
  const output = join(folder, 'tiny.json');
  const ended = await run(
    'run.ts',
    '--quick',
    '--max-steps',
    '200',
    '--rounds',
    '1',
    '--output',
    output,
  );
  expect(ended.stderr).not.toContain('Error');
  expect(ended.code).toBe(0);
  const result = parseResult(await readFile(output, 'utf8'));
  const asked = SCENARIOS.filter(({ optional }) => optional !== true).map(({ name }) => name);
  expect(result.options.only).toEqual(asked);
  const scenarios = new Set([...result.rows, ...result.figures].map(({ scenario }) => scenario));
  expect([...scenarios]).toEqual(
    expect.arrayContaining([
      'layout',
      'warm readiness, typical',
      'levels, deep',
      'ready ids by template',
      'database',
      'one task, readiness',
      'resident graph, typical',
      'routing',
      'routing without the addon',
      'many tasks, one thread and two',
      'one huge task, readiness and contexts',
      'memory',
    ]),
  );
  const contestants = new Set(result.rows.map(({ contestant }) => contestant));
  expect([...contestants]).toEqual(
    expect.arrayContaining(['TypeScript', 'Map of objects', 'graphology', 'tuned SQL, ready ids']),
  );
  expect(result.machine).toHaveProperty('postgres');
  const report = await run('report.ts', '--input', output, '--root', folder);
  expect(report.code).toBe(0);
  expect(await readFile(join(folder, 'docs/performance.md'), 'utf8')).toContain('graphology');
});

test('the engine runs its workloads, every step once, and says what a step costs', async () => {
  const output = join(folder, 'engine.json');
  const tasks = ['--tasks', '8', '--active', '8', '--long-run', '8'];
  const sizes = [...tasks, '--fan', '5', '--rounds', '1', '--samples', '2'];
  const ended = await run('engine.ts', ...sizes, '--output', output);
  expect(ended.stderr).not.toContain('Error');
  expect(ended.code).toBe(0);
  const { figures } = parseResult(await readFile(output, 'utf8'));
  const names = figures.map(({ scenario, name }) => `${scenario}: ${name}`);
  expect(names).toContain('engine, chain of 10: p95');
  expect(names).toContain('engine, sample DAGs: WAL');
  expect(names).toContain('engine, bulk creation: trusted');
  expect(names).toContain('engine, one durable transition: grouped');
  expect(names).toContain('engine, start: resident graph');
  // differences may be nothing or less: of heap, of what noise made faster; all else takes something
  const differences = /^heap, |^most heap|^cost of one live subscriber$|^commit to handler/;
  const taken = figures.filter(({ name }) => !differences.test(name));
  expect(taken.filter(({ median }) => !(median > 0))).toEqual([]);
}, 600_000);

describe('the soak', () => {
  test('writes samples, the slope with its interval, and a chart', async () => {
    const output = join(folder, 'soak.json');
    const ended = await run('soak.ts', '--minutes', '0.05', '--output', output);
    expect([0, 1]).toContain(ended.code);
    const report = JSON.parse(await readFile(output, 'utf8')) as {
      grows: boolean;
      calls: number;
      trend: { low: number; high: number };
    };
    expect(report.grows).toBe(ended.code === 1);
    expect(report.calls).toBeGreaterThan(0);
    expect(report.trend.low).toBeLessThanOrEqual(report.trend.high);
    expect(await readFile(join(folder, 'soak.svg'), 'utf8')).toContain('resident memory, MiB');
  });
});
