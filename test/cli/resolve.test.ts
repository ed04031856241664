import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { ANSWER_FILES } from '../../src/cli/answers/answer-files.ts';
import { createResolver, type BackendName } from '../../src/resolver/index.ts';
import { isTaskerError } from '../../src/errors.ts';
import { GOLDEN_SETS, goldenDirectory, type GoldenSet } from '../support/golden.ts';
import { tasker, taskerProcess, temporaryDirectory } from './tasker.ts';

const input = (set: GoldenSet): string => fileURLToPath(goldenDirectory(set));
const BACKENDS = (['inline', 'pool', 'native', 'auto'] as const).filter(isHere);
const exitCode = { plain: 0, tangled: 2 } as const;

async function expectGolden(set: GoldenSet, output: string): Promise<void> {
  for (const file of ANSWER_FILES) {
    const written = await readFile(join(output, file));
    const expected = await readFile(join(input(set), `expected_${file}`));
    expect(written.equals(expected), `${set} ${file}`).toBe(true);
  }
}

describe.each(GOLDEN_SETS)('tasker resolve on %s', (set) => {
  const cases = BACKENDS.flatMap((backend) =>
    [1, 100, 65_536].map((chunk) => [backend, chunk] as const),
  );

  test.each(cases)(
    '%s in chunks of %i steps writes the recorded answers',
    async (backend, chunk) => {
      await using out = await temporaryDirectory();
      const output = join(out.path, 'new', 'answers');
      const where = ['--input', input(set), '--output', output];
      const how = ['--backend', backend, '--chunk-steps', String(chunk), '--threads', '2'];
      const ended = await tasker(['resolve', ...where, ...how]);
      expect(ended.code, ended.stderr).toBe(exitCode[set]);
      await expectGolden(set, output);
      expect((await readdir(output)).toSorted()).toEqual(ANSWER_FILES.toSorted());
    },
  );

  test('as a process of its own', async () => {
    await using out = await temporaryDirectory();
    const ended = await taskerProcess(['resolve', '--input', input(set), '--output', out.path]);
    // a slow machine may be told how far it is
    expect(ended).toMatchObject({
      code: exitCode[set],
      stderr: expect.not.stringContaining('TASKER_'),
    });
    await expectGolden(set, out.path);
  });
});

test.skipIf(isHere('native'))('a backend that is not here is named with the reason', async () => {
  const ended = await tasker(['resolve', '--input', input('plain'), '--backend', 'native']);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toMatch(
    /^tasker: TASKER_BACKEND_UNAVAILABLE: .* Choose auto, inline or pool\.\n$/,
  );
});

function isHere(backend: BackendName | 'auto'): boolean {
  try {
    void createResolver({ backend }).stop();
    return true;
  } catch (error) {
    if (isTaskerError(error, 'TASKER_BACKEND_UNAVAILABLE')) return false;
    throw error;
  }
}

describe('the summary', () => {
  test('names cycles with their code and path', async () => {
    const { code, stdout } = await tasker(['resolve', '--input', input('tangled')]);
    expect(code).toBe(2);
    expect(stdout).toContain('tasks          120 read = 120 answered + 0 set apart');
    expect(stdout).toMatch(/^cycles {9}8$/m);
    expect(stdout.match(/^TASKER_CYCLE Task \d+: steps \d+ -> .* in a circle\.$/gm)).toHaveLength(
      8,
    );
  });

  test('shortens a giant cycle, which --json holds whole', async () => {
    await using temporary = await temporaryDirectory();
    const directory = temporary.path;
    const count = 2000;
    const steps = Array.from({ length: count }, (_, at) => at + 1);
    const lines = (rows: object[]): string =>
      rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const files = {
      'meta.json': JSON.stringify({
        now: '2026-01-01',
        named_steps: [{ named_step_id: 1, name: 's' }],
      }),
      'tasks.ndjson': lines([{ task_id: 1, named_task_id: 1 }]),
      'steps.ndjson': lines(
        steps.map((id) => ({ workflow_step_id: id, task_id: 1, named_step_id: 1 })),
      ),
      'edges.ndjson': lines(
        steps.map((id) => ({ from_step_id: id, to_step_id: (id % count) + 1 })),
      ),
      'step_transitions.ndjson': '',
      'task_transitions.ndjson': '',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const { code, stdout } = await tasker(['resolve', '--input', directory]);
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /^TASKER_CYCLE Task 1: steps \d+ -> \d+ -> \d+ -> \.\.\. 1994 more \.\.\. -> \d+ -> \d+ -> \d+ -> \d+ depend on each other in a circle\.$/m,
    );
    const json = await tasker(['resolve', '--input', directory, '--json']);
    const { cycle_list: cycles } = JSON.parse(json.stdout) as { cycle_list: { path: number[] }[] };
    expect(cycles.map(({ path }) => path.length)).toEqual([count]);
  });

  test('as JSON', async () => {
    const { code, stdout } = await tasker(['resolve', '--input', input('plain'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      rules: 'rails',
      now: '2026-11-23T03:53:17.824585Z',
      tasks: 250,
      steps: 2107,
      edges: 2773,
      read: { tasks: 250, steps: 2107, edges: 2773 },
      set_apart: { tasks: 0, steps: 0 },
      unknown_tasks: [],
      cycle_list: [],
      files: [],
      write_ms: null,
      backend: {
        requested: 'auto',
        chosen: isHere('native') ? 'native' : 'inline',
        not_chosen: { pool: expect.stringContaining(isHere('native') ? 'addon' : 'fewer') },
      },
    });
  });

  test('under engine rules sets the tasks with cycles apart and answers the others', async () => {
    const { code, stdout } = await tasker([
      'resolve',
      '--input',
      input('tangled'),
      '--rules',
      'engine',
      '--json',
    ]);
    const summary = JSON.parse(stdout) as {
      tasks: number;
      read: { tasks: number; steps: number };
      steps: number;
      set_apart: { tasks: number; steps: number };
      cycle_list: { task_id: number; path: number[] }[];
    };
    expect(code).toBe(2);
    expect(summary.set_apart.tasks).toBe(
      new Set(summary.cycle_list.map((cycle) => cycle.task_id)).size,
    );
    expect(summary.set_apart.tasks).toBeGreaterThan(0);
    expect(summary.tasks + summary.set_apart.tasks).toBe(summary.read.tasks);
    expect(summary.steps + summary.set_apart.steps).toBe(summary.read.steps);
    expect(summary.read).toEqual({ tasks: 120, steps: 920, edges: 1198 });
  });

  test('reports unknown tasks and resolves the others', async () => {
    const { code, stdout } = await tasker([
      'resolve',
      '--input',
      input('plain'),
      '--tasks',
      '9223372036854775807,11000002,7',
      '--json',
    ]);
    expect(code).toBe(2);
    expect(stdout).toContain('9223372036854775807');
    expect(JSON.parse(stdout)).toMatchObject({
      tasks: 1,
      steps: 15,
      unknown_tasks: [7, expect.any(Number)],
    });
    const text = await tasker(['resolve', '--input', input('plain'), '--tasks', '7']);
    expect(text.stdout).toMatch(/^unknown tasks {2}1: 7$/m);
    expect(text.code).toBe(2);
  });

  test('the clock can be set', async () => {
    const args = ['resolve', '--input', input('plain'), '--json', '--now'];
    const early = JSON.parse((await tasker([...args, '2000-01-01'])).stdout) as { ready: number };
    const late = JSON.parse((await tasker([...args, '2100-01-01T00:00:00Z'])).stdout) as {
      ready: number;
    };
    expect(early.ready).toBeLessThan(178);
    expect(late.ready).toBeGreaterThan(178);
  });
});

/** Writes a directory of rows. */
async function writeRows(
  path: string,
  rows: Readonly<Record<string, readonly object[]>>,
  names: readonly object[] = [],
): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(
    join(path, 'meta.json'),
    JSON.stringify({ now: '2026-01-01T00:00:00.000000', named_steps: names }),
  );
  for (const file of ['tasks', 'steps', 'edges', 'step_transitions', 'task_transitions']) {
    const lines = (rows[file] ?? []).map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(join(path, `${file}.ndjson`), lines.join(''));
  }
}

describe('answers', () => {
  const names = [{ named_step_id: 1, name: 'quote " and ü' }];
  const step = (id: number, task: number): object => ({
    workflow_step_id: id,
    task_id: task,
    named_step_id: 1,
  });

  test('come by step id even where the ids of tasks interleave', async () => {
    await using dir = await temporaryDirectory();
    const ids = Array.from({ length: 600 }, (_, at) => at + 1);
    await writeRows(
      dir.path,
      {
        tasks: [1, 2, 3].map((id) => ({ task_id: id, named_task_id: 1 })),
        steps: ids.map((id) => step(id, 3 - (id % 3))),
      },
      names,
    );
    const ended = await tasker(['resolve', '--input', dir.path, '--output', join(dir.path, 'out')]);
    expect(ended.code).toBe(0);
    const lines = (await readFile(join(dir.path, 'out/readiness.ndjson'), 'utf8'))
      .trimEnd()
      .split('\n');
    const rows = lines.map(
      (line) => JSON.parse(line) as { workflow_step_id: number; task_id: number; name: string },
    );
    expect(rows.map((row) => row.workflow_step_id)).toEqual(ids);
    expect(rows[0]).toMatchObject({ task_id: 2, name: 'quote " and ü' });
    expect(await readdir(join(dir.path, 'out'))).toHaveLength(3);
  });

  test('a failed run leaves the old files and no new ones', async () => {
    await using dir = await temporaryDirectory();
    await writeRows(dir.path, { tasks: [{ task_id: 1 }] });
    const output = join(dir.path, 'out');
    await mkdir(output);
    await writeFile(join(output, 'readiness.ndjson'), 'old\n');
    const ended = await tasker(['resolve', '--input', dir.path, '--output', output]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(
      /TASKER_BAD_INPUT: .*tasks\.ndjson:1: field "named_task_id" is nothing/,
    );
    expect(await readdir(output)).toEqual(['readiness.ndjson']);
    expect(await readFile(join(output, 'readiness.ndjson'), 'utf8')).toBe('old\n');
  });

  test('rows that contradict each other take their task out, the others are answered', async () => {
    await using dir = await temporaryDirectory();
    const created = { to_state: 'complete', most_recent: true, created_at: '2026-01-01T00:00:00' };
    await writeRows(
      dir.path,
      {
        tasks: [1, 2].map((id) => ({ task_id: id, named_task_id: 1 })),
        steps: [step(10, 1), step(20, 2)],
        step_transitions: [1, 2].map((id) => ({ id, workflow_step_id: 10, ...created })),
      },
      names,
    );
    const ended = await tasker([
      'resolve',
      '--input',
      dir.path,
      '--output',
      join(dir.path, 'out'),
      '--json',
    ]);
    expect(ended.code).toBe(2);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      tasks: 1,
      set_apart: { tasks: 1, steps: 1 },
      row_problems: 1,
      problem_list: [
        { code: 'TASKER_BAD_ROW', table: 'step_transitions', task_id: 1, refused: true },
      ],
    });
    expect(await readFile(join(dir.path, 'out/contexts.ndjson'), 'utf8')).toMatch(
      /^\{"task_id":2,[^\n]*\n$/,
    );
    const text = await tasker(['resolve', '--input', dir.path]);
    expect(text.stdout).toMatch(/^TASKER_BAD_ROW .*10/m);
  });

  test('ids keep all their digits', async () => {
    await using dir = await temporaryDirectory();
    await writeRows(dir.path, {}, names);
    const big = '9223372036854775806';
    await writeFile(join(dir.path, 'tasks.ndjson'), `{"task_id":${big},"named_task_id":1}\n`);
    const steps = [-5n, 4294967296n, 9007199254740993n].map(
      (id) => `{"workflow_step_id":${id},"task_id":${big},"named_step_id":1}\n`,
    );
    await writeFile(join(dir.path, 'steps.ndjson'), steps.join(''));
    const output = join(dir.path, 'out');
    expect((await tasker(['resolve', '--input', dir.path, '--output', output])).code).toBe(0);
    expect(await readFile(join(output, 'levels.ndjson'), 'utf8')).toBe(
      '[-5,0]\n[4294967296,0]\n[9007199254740993,0]\n',
    );
    expect(await readFile(join(output, 'readiness.ndjson'), 'utf8')).toContain(`"task_id":${big},`);
  });

  test('a directory that cannot be written is a usage error', async () => {
    await using dir = await temporaryDirectory();
    await writeFile(join(dir.path, 'file'), '');
    const ended = await tasker([
      'resolve',
      '--input',
      input('plain'),
      '--output',
      join(dir.path, 'file', 'x'),
    ]);
    expect(ended.code).toBe(64);
    expect(ended.stderr).toMatch(
      /TASKER_BAD_ARGUMENT: --output is ".*", which cannot be written \(ENOTDIR\)\./,
    );
  });
});
