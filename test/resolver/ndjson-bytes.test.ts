import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { MAX_LINE_BYTES, NdjsonLines } from '../../src/resolver/sources/ndjson-lines.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { answersOf, type Answers } from '../support/answers.ts';

let root: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tasker-bytes-'));
});
afterAll(() => rm(root, { recursive: true }));

const step = (id: number | string, more = ''): string =>
  `{"workflow_step_id":${id},"task_id":1,"named_step_id":1${more}}`;

const FILES: Readonly<Record<string, string | Buffer>> = {
  'meta.json': '{"now":"2026-02-01T00:00:00","named_steps":[{"named_step_id":1,"name":"x"}]}',
  'tasks.ndjson': '{"task_id":1,"named_task_id":7}\n',
  'steps.ndjson': `${step(11)}\n${step(12)}\n`,
  'edges.ndjson': '{"from_step_id":11,"to_step_id":12}\n',
  'step_transitions.ndjson': '',
  'task_transitions.ndjson': '',
};

async function directory(changes: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const path = join(root, String(made++));
  await mkdir(path);
  for (const [name, text] of Object.entries({ ...FILES, ...changes })) {
    await writeFile(join(path, name), text);
  }
  return path;
}

const run = (path: string): Promise<Answers> =>
  answersOf(directorySource(path), { backend: 'inline' });

const refused = (path: string, name: string, line: number, field: string | null = null): unknown =>
  expect.objectContaining({
    code: 'TASKER_BAD_INPUT',
    message: expect.stringContaining(`${join(path, name)}:${line}: `),
    data: expect.objectContaining({ file: join(path, name), line, field }),
  });

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('bytes that are not UTF-8', () => {
  test.each<[string, Buffer, number]>([
    [
      'meta.json',
      latin1('{\r\n"now":null,\r"named_steps":[\n{"named_step_id":1,"name":"\xe9"}]}'),
      4,
    ],
    ['meta.json', Buffer.from(`\ufeff${String(FILES['meta.json'])}`, 'utf16le'), 1],
    ['tasks.ndjson', latin1('{"task_id":1,"named_task_id":7,"reason":"\xe9"}'), 1],
    ['steps.ndjson', latin1(`${step(11)}\n\n${step(12, ',"results":"\xff"')}\n${step(13)}`), 3],
    ['steps.ndjson', latin1(`${step(11)}\r${step(12)}\r\n${step(13, ',"x":"\xc3"')}\r`), 3],
    ['steps.ndjson', Buffer.from(step(11), 'utf16le'), 1],
    ['edges.ndjson', latin1('{"from_step_id":11,"to_step_id":12}\n\xed\xa0\x80'), 2],
    ['task_transitions.ndjson', latin1('\xf0\x9f'), 1],
  ])('in %s are refused with their line (%#)', async (name, bytes, line) => {
    const path = await directory({ [name]: bytes });
    await expect(run(path)).rejects.toStrictEqual(refused(path, name, line));
  });

  test('are reported after what is wrong in an earlier line', async () => {
    const path = await directory({ 'steps.ndjson': latin1(`${step(11)}\n{}\n"\xe9"\n`) });
    await expect(run(path)).rejects.toStrictEqual(
      refused(path, 'steps.ndjson', 2, 'workflow_step_id'),
    );
  });
});

describe('numbers', () => {
  test.each([
    '1.0',
    '1e1',
    '11E0',
    '-0.0',
    '9007199254740991.2',
    '10.99999999999999999999',
    '9007199254740992.5',
    '12345678901234567890.5',
    '1e400',
    '92233720368547758e2',
  ])('an id %s is refused, not rounded', async (id) => {
    const path = await directory({ 'steps.ndjson': `${step(11)}\n${step(id)}` });
    await expect(run(path)).rejects.toStrictEqual(
      refused(path, 'steps.ndjson', 2, 'workflow_step_id'),
    );
    await expect(run(path)).rejects.toThrow(`"workflow_step_id" is ${id}, not a 64-bit id.`);
  });

  test.each<[string, number]>([
    ['2', 2],
    ['2.0', 2],
    ['20e-1', 2],
    ['0.2e1', 2],
    ['0.0', 0],
    ['0e99', 0],
    ['1E3', 1000],
  ])('a 32-bit number %s is %i', async (text, attempts) => {
    const path = await directory({
      'steps.ndjson': `${step(11)}\n${step(12, `,"attempts":${text}`)}`,
    });
    expect((await run(path)).readiness[1]?.attempts).toBe(attempts);
  });

  test.each(['2.00000000000000000001', '1.99999999999999999999', '1e-400', '1e10', '2147483648.0'])(
    'a 32-bit number %s is refused',
    async (text) => {
      const path = await directory({ 'steps.ndjson': step(11, `,"attempts":${text}`) });
      await expect(run(path)).rejects.toStrictEqual(refused(path, 'steps.ndjson', 1, 'attempts'));
      const meta = `{"named_steps":[{"named_step_id":${text},"name":"x"}]}`;
      await expect(run(await directory({ 'meta.json': meta }))).rejects.toMatchObject({
        code: 'TASKER_BAD_INPUT',
        data: { field: 'named_step_id' },
      });
    },
  );

  test('in texts and in fields that nobody reads change nothing', async () => {
    const more = ',"results":{"a\\"": 1.5, "b":[-12345678901234567890,1e5]},"note":"\\": 1.5, {"';
    const path = await directory({
      'steps.ndjson': `${step('9007199254740993', more)}\n${step('"9007199254740995"', more)}`,
    });
    expect((await run(path)).readiness.map((row) => row.workflow_step_id)).toStrictEqual([
      9007199254740993n,
      9007199254740995n,
    ]);
  });

  test.each(['01.5', '1.', '--1.5', '1.5.5', '.5', '1.5e'])('%s is not JSON', async (text) => {
    const path = await directory({ 'steps.ndjson': step(11, `,"x":${text},"y":1.5`) });
    await expect(run(path)).rejects.toStrictEqual(refused(path, 'steps.ndjson', 1));
    await expect(run(path)).rejects.toThrow('is not JSON');
  });
});

describe('deep JSON', () => {
  const nested = (depth: number, inner: string): string =>
    `${'{"a":['.repeat(depth)}${inner}${']}'.repeat(depth)}`;

  test.each(['1', '12345678901234567890', '1.5'])(
    'around %s is accepted where nobody reads it',
    async (inner) => {
      const path = await directory({
        'steps.ndjson': `${step(11, `,"results":${nested(100_000, inner)}`)}\n${step(12)}`,
      });
      expect((await run(path)).readiness).toHaveLength(2);
    },
  );

  test('is refused by its field where it is read', async () => {
    const path = await directory({
      'steps.ndjson': step(11, `,"attempts":${nested(100_000, '12345678901234567890')}`),
    });
    await expect(run(path)).rejects.toThrow(
      ':1: field "attempts" is an object, not a 32-bit integer or null.',
    );
  });
});

describe('line ends', () => {
  test.each(['\n', '\r\n', '\r'])('%j ends a line, wherever the file is cut', (end) => {
    const bytes = Buffer.from(['\ufeff{"a":1}', '', '{"b":"\u23f3"}', ' ', '{"c":3}'].join(end));
    const expected = [
      ['{"a":1}', 1],
      ['{"b":"\u23f3"}', 3],
      ['{"c":3}', 5],
    ];
    for (let size = 1; size <= bytes.length; size++) {
      for (const ended of [false, true]) {
        const seen: [string, number][] = [];
        const lines = new NdjsonLines('f', (text, { line }) => seen.push([text, line]));
        const whole = ended ? Buffer.concat([bytes, Buffer.from(end)]) : bytes;
        for (let at = 0; at < whole.length; at += size) lines.push(whole.subarray(at, at + size));
        lines.finish();
        expect(seen).toStrictEqual(expected);
      }
    }
  });
});

describe('a line without end', () => {
  /** A file whose holes read as zeros costs no room. */
  async function sparse(start: string): Promise<string> {
    const path = await directory({});
    const file = await open(join(path, 'steps.ndjson'), 'w');
    await file.write(start);
    await file.truncate(4 * 1024 ** 3);
    await file.close();
    return path;
  }

  test.each(['[', '"', ' \t[', '\ufeff['])(
    'of 4 GB that begins with %j is refused at once',
    async (start) => {
      const path = await sparse(start);
      let read = 0;
      const source = directorySource(path);
      const opened = source.open({
        chunkSteps: 10,
        signal: undefined,
        onProgress: ({ done }) => (read = done),
      });
      await expect(opened).rejects.toStrictEqual(refused(path, 'steps.ndjson', 1));
      expect(read).toBeLessThan(1024);
    },
  );

  test('of 4 GB that begins as an object is refused at the bound', async () => {
    const path = await sparse('{"a":"');
    let read = 0;
    const opened = directorySource(path).open({
      chunkSteps: 10,
      signal: undefined,
      onProgress: ({ done }) => (read = done),
    });
    await expect(opened).rejects.toMatchObject({ data: { line: 1, limit: MAX_LINE_BYTES } });
    expect(read).toBeLessThan(MAX_LINE_BYTES + 2 ** 21);
  });

  /** Three rows, the second one `more` bytes over the bound. */
  const withLongLine = (more: number): Promise<string> => {
    const padding = 'x'.repeat(MAX_LINE_BYTES - step(12, ',"x":""').length + more);
    return directory({
      'steps.ndjson': `${step(11)}\n${step(12, `,"x":"${padding}"`)}\n${step(13)}\n`,
    });
  };

  test('may have as many bytes as the bound', async () => {
    expect((await run(await withLongLine(0))).readiness).toHaveLength(3);
  });

  test('may have no byte more', async () => {
    const path = await withLongLine(1);
    await expect(run(path)).rejects.toStrictEqual(refused(path, 'steps.ndjson', 2));
  });
});
