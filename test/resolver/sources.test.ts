import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { rowsSource, type RowsInput } from '../../src/resolver/sources/rows-source.ts';
import type { LoadProgress } from '../../src/resolver/index.ts';
import { answersOf, type Answers } from '../support/answers.ts';

let root: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tasker-sources-'));
});
afterAll(() => rm(root, { recursive: true }));

type FileName =
  | 'meta.json'
  | `${'tasks' | 'steps' | 'edges' | 'step_transitions' | 'task_transitions'}.ndjson`;

const FILES: Readonly<Record<FileName, string>> = {
  'meta.json':
    '{"now":"2026-02-01T00:00:00","named_steps":[{"named_step_id":1,"name":"Größe ⏳"}]}',
  'tasks.ndjson': '{"task_id":1,"named_task_id":7}\n',
  'steps.ndjson':
    '{"workflow_step_id":11,"task_id":1,"named_step_id":1}\n{"workflow_step_id":12,"task_id":1,"named_step_id":1}\n',
  'edges.ndjson': '{"from_step_id":11,"to_step_id":12}\n',
  'step_transitions.ndjson':
    '{"id":1,"workflow_step_id":11,"to_state":"complete","most_recent":true,"created_at":"2026-01-01T00:00:00"}\n',
  'task_transitions.ndjson': '{"id":1,"task_id":1,"to_state":"in_progress","most_recent":true}\n',
};

/** Writes a sound directory with some files replaced; null leaves a file out. */
async function directory(
  changes: Partial<Record<FileName, string | Buffer | null>> = {},
): Promise<string> {
  const path = join(root, String(made++));
  await mkdir(path);
  for (const [name, text] of Object.entries({ ...FILES, ...changes })) {
    if (text !== null) await writeFile(join(path, name), text);
  }
  return path;
}

const run = (path: string): Promise<Answers> =>
  answersOf(directorySource(path), { backend: 'inline' });

describe('a directory', () => {
  test('is read with its clock and names', async () => {
    const { readiness, contexts, summary } = await run(await directory());
    expect(
      readiness.map((row) => [row.name, row.current_state, row.ready_for_execution]),
    ).toStrictEqual([
      ['Größe ⏳', 'complete', false],
      ['Größe ⏳', 'pending', true],
    ]);
    expect(contexts).toMatchObject([
      { status: 'in_progress', named_task_id: 7, completion_percentage: '50.00' },
    ]);
    expect(summary).toMatchObject({ nowMicros: 1_769_904_000_000_000, problemCount: 0 });
  });

  test('takes the host clock where meta names none', async () => {
    const path = await directory({
      'meta.json': '{"named_steps":[{"named_step_id":1,"name":"x"}]}',
    });
    expect((await run(path)).summary.nowMicros).toBeGreaterThan(1_700_000_000_000_000);
  });

  test('may have Windows line ends, blank lines and no end of its last line', async () => {
    const path = await directory({
      'meta.json': `${FILES['meta.json'].replace('{', '{\r\n')}\r\n`,
      'steps.ndjson': `\r\n${FILES['steps.ndjson'].replaceAll('\n', '\r\n\r\n  \n')}`.trimEnd(),
      'edges.ndjson': FILES['edges.ndjson'].trim(),
      'tasks.ndjson': `\n${FILES['tasks.ndjson']}`,
    });
    expect((await run(path)).readiness).toStrictEqual((await run(await directory())).readiness);
  });

  test('may begin its files with a byte order mark', async () => {
    const marked: Partial<Record<string, string>> = {};
    for (const [name, text] of Object.entries(FILES)) marked[name] = `\uFEFF${text}`;
    const path = await directory(marked);
    expect((await run(path)).readiness).toStrictEqual((await run(await directory())).readiness);
  });

  test('keeps all digits of its ids', async () => {
    const ids = [
      '9223372036854775807',
      '-9223372036854775808',
      '9007199254740993',
      '9007199254740992',
    ];
    const path = await directory({
      'tasks.ndjson': `{"task_id":${ids[0]},"named_task_id":7}`,
      'steps.ndjson': ids
        .map((id) => `{"workflow_step_id": ${id},"task_id":${ids[0]},"named_step_id":1}`)
        .join('\n'),
      'edges.ndjson': `{"from_step_id":${ids[2]},"to_step_id":"${ids[0]}"}\n{"from_step_id":"${ids[1]}","to_step_id":"${ids[3]}"}`,
      'step_transitions.ndjson': FILES['step_transitions.ndjson'].replace('11', ids[2]!),
      'task_transitions.ndjson': '',
    });
    const { readiness, contexts, ready } = await run(path);
    expect(contexts[0]?.task_id).toBe(9223372036854775807n);
    const sorted = ids.map(BigInt).toSorted((a, b) => (a < b ? -1 : 1));
    expect(readiness.map((row) => row.workflow_step_id)).toStrictEqual(sorted);
    expect(ready).toStrictEqual([-9223372036854775808n, 9223372036854775807n]);
  });

  test('may hold characters across the borders of what is read at once', async () => {
    // three bytes each: one of three offsets puts a character across every border of 64 KiB and 1 MiB
    for (const offset of [0, 1, 2]) {
      const state = 'x'.repeat(offset) + '⏳'.repeat(400_000);
      const transition = FILES['step_transitions.ndjson'].replace('complete', state);
      const { readiness } = await run(await directory({ 'step_transitions.ndjson': transition }));
      expect(readiness[0]?.current_state === state).toBe(true);
    }
  });

  test('reports how far it has come, in bytes, to the end', async () => {
    const progress: LoadProgress[] = [];
    const source = directorySource(await directory());
    await answersOf(source, { backend: 'inline', onProgress: (at) => progress.push(at) });
    const bytes = progress.filter((at) => at.unit === 'bytes');
    expect(bytes.at(-1)?.done).toBe(bytes.at(-1)?.total);
    expect(bytes.map((at) => at.done)).toStrictEqual(
      bytes.map((at) => at.done).toSorted((a, b) => a - b),
    );
  });

  test.each<[FileName, string, number, string | null]>([
    ['tasks.ndjson', '{"task_id":1,"named_task_id":7}\n{"task_id":2,', 2, null],
    ['tasks.ndjson', '[1]', 1, '(the whole line)'],
    ['tasks.ndjson', 'null', 1, '(the whole line)'],
    ['tasks.ndjson', '\n\n{"named_task_id":7}', 3, 'task_id'],
    ['tasks.ndjson', '{"task_id":1.5,"named_task_id":7}', 1, 'task_id'],
    ['tasks.ndjson', '{"task_id":9223372036854775808,"named_task_id":7}', 1, 'task_id'],
    ['tasks.ndjson', '{"task_id":"9223372036854775808","named_task_id":7}', 1, 'task_id'],
    ['tasks.ndjson', '{"task_id":"one","named_task_id":7}', 1, 'task_id'],
    ['tasks.ndjson', '{"task_id":12345678901234567890.5,"named_task_id":7}', 1, 'task_id'],
    ['tasks.ndjson', '{"task_id":{"a":12345678901234567890},"named_task_id":7}', 1, 'task_id'],
    ['tasks.ndjson', '{"task_id":1}', 1, 'named_task_id'],
    ['tasks.ndjson', '{"task_id":1,"named_task_id":2147483648}', 1, 'named_task_id'],
    ['steps.ndjson', '{"workflow_step_id":11,"named_step_id":1}', 1, 'task_id'],
    [
      'steps.ndjson',
      '{"workflow_step_id":11,"task_id":1,"named_step_id":null}',
      1,
      'named_step_id',
    ],
    [
      'steps.ndjson',
      '{"workflow_step_id":11,"task_id":1,"named_step_id":1,"attempts":"2"}',
      1,
      'attempts',
    ],
    [
      'steps.ndjson',
      '{"workflow_step_id":11,"task_id":1,"named_step_id":1,"retry_limit":0.5}',
      1,
      'retry_limit',
    ],
    [
      'steps.ndjson',
      '{"workflow_step_id":11,"task_id":1,"named_step_id":1,"retryable":"yes"}',
      1,
      'retryable',
    ],
    [
      'steps.ndjson',
      '{"workflow_step_id":11,"task_id":1,"named_step_id":1,"last_attempted_at":"2026-01-01T00:00:00+02:00"}',
      1,
      'last_attempted_at',
    ],
    [
      'steps.ndjson',
      '{"workflow_step_id":11,"task_id":1,"named_step_id":1,"next_attempt_at":17}',
      1,
      'next_attempt_at',
    ],
    ['edges.ndjson', '{"from_step_id":11}', 1, 'to_step_id'],
    [
      'step_transitions.ndjson',
      FILES['step_transitions.ndjson'].replace('"complete"', 'true'),
      1,
      'to_state',
    ],
    [
      'step_transitions.ndjson',
      FILES['step_transitions.ndjson'].replace('01-01', '02-30'),
      1,
      'created_at',
    ],
    [
      'step_transitions.ndjson',
      FILES['step_transitions.ndjson'].replace('created_at', 'at'),
      1,
      'created_at',
    ],
    [
      'step_transitions.ndjson',
      FILES['step_transitions.ndjson'].replace('most_recent', 'recent'),
      1,
      'most_recent',
    ],
    [
      'step_transitions.ndjson',
      FILES['step_transitions.ndjson'].replace('"id":1', '"id":[]'),
      1,
      'id',
    ],
    [
      'task_transitions.ndjson',
      FILES['task_transitions.ndjson'].replace('true', 'null'),
      1,
      'most_recent',
    ],
    ['task_transitions.ndjson', '{"task_id":1,"most_recent":true}', 1, 'to_state'],
    ['meta.json', '{"named_steps":', 1, null],
    ['meta.json', '{}', 1, 'named_steps'],
    ['meta.json', '{"named_steps":[],"now":"noon"}', 1, 'now'],
  ])('%s: %s is refused at line %i, field %s', async (name, text, line, field) => {
    const path = await directory({ [name]: text });
    const file = join(path, name);
    const failure = expect.objectContaining({
      code: 'TASKER_BAD_INPUT',
      data: expect.objectContaining({ file, line, field }),
    });
    await expect(run(path)).rejects.toStrictEqual(failure);
  });

  test.each([
    ['{"named_steps":[7]}', 'named_steps'],
    ['{"named_steps":[{"named_step_id":1}]}', 'name'],
    ['{"named_steps":[{"name":"x"}]}', 'named_step_id'],
    ['{"named_steps":[]}', 'named_steps'],
  ])('meta.json %s is refused by field %s', async (text, field) => {
    await expect(run(await directory({ 'meta.json': text }))).rejects.toMatchObject({
      code: 'TASKER_BAD_INPUT',
      data: { field },
    });
  });

  test.each(Object.keys(FILES) as FileName[])('without %s it is refused by name', async (name) => {
    const path = await directory({ [name]: null });
    await expect(run(path)).rejects.toMatchObject({
      code: 'TASKER_BAD_INPUT',
      data: { file: join(path, name) },
    });
  });

  test.each(Object.keys(FILES) as FileName[])(
    'with a folder for %s it is refused by name',
    async (name) => {
      const path = await directory({ [name]: null });
      await mkdir(join(path, name));
      await expect(run(path)).rejects.toMatchObject({
        code: 'TASKER_BAD_INPUT',
        data: { file: join(path, name) },
      });
    },
  );

  test('is not read to its end once the signal says so, whose reason comes back', async () => {
    const reason = new Error('enough');
    const path = await directory();
    const open = (signal: AbortSignal, onProgress?: () => void): Promise<unknown> =>
      directorySource(path).open({ chunkSteps: 10, signal, onProgress });
    await expect(open(AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    await expect(open(stop.signal, () => stop.abort(reason))).rejects.toBe(reason);
  });
});

describe('rows in memory', () => {
  const input: RowsInput = {
    tasks: [{ task_id: '1', named_task_id: 7 }],
    steps: [{ workflow_step_id: 11n, task_id: 1, named_step_id: 1 }],
    edges: [],
    now: '2026-02-01T00:00:00Z',
  };
  const ask = (changes: object): Promise<Answers> =>
    answersOf(rowsSource({ ...input, ...changes }), { backend: 'inline' });

  test('may leave out what can be null, and names', async () => {
    const { readiness, summary } = await ask({});
    expect(readiness).toMatchObject([
      { name: '', attempts: 0, retry_limit: 3, ready_for_execution: true },
    ]);
    expect(summary.nowMicros).toBe(1_769_904_000_000_000);
    const { summary: later } = await ask({ now: undefined });
    expect(later.nowMicros).toBeGreaterThan(1_769_904_000_000_000);
  });

  test.each([
    [{ tasks: [...input.tasks, { task_id: 2 ** 60, named_task_id: 1 }] }, 'tasks', 1, 'task_id'],
    [{ tasks: [{ task_id: 2n ** 63n, named_task_id: 1 }] }, 'tasks', 0, 'task_id'],
    [{ steps: [{ task_id: 1, named_step_id: 1 }] }, 'steps', 0, 'workflow_step_id'],
    [{ edges: [{ from_step_id: 11, to_step_id: '' }] }, 'edges', 0, 'to_step_id'],
    [
      { stepTransitions: [{ workflow_step_id: 11, to_state: 'error', most_recent: true }] },
      'stepTransitions',
      0,
      'created_at',
    ],
    [{ taskTransitions: [{ task_id: 1, most_recent: true }] }, 'taskTransitions', 0, 'to_state'],
    [{ namedSteps: [{ named_step_id: 1 }] }, 'namedSteps', 0, 'name'],
    [{ now: '2026-02-01T00:00:00+01:00' }, 'input', 0, 'now'],
  ])('%o is refused by array, index and field', async (changes, file, line, field) => {
    await expect(ask(changes)).rejects.toMatchObject({
      code: 'TASKER_BAD_INPUT',
      data: { file, line, field },
    });
  });

  test('are not read once the signal has been given', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(
      rowsSource(input).open({ chunkSteps: 1, signal, onProgress: undefined }),
    ).rejects.toBe(reason);
  });
});
