import { afterEach, describe, expect, test, vi } from 'vitest';

import { createLogger, redactPasswords } from '../../src/observability/logger.ts';
import { ROOT, taskerProcess } from '../cli/tasker.ts';

afterEach(() => vi.unstubAllEnvs());

function collect(): { write(line: string): void; lines: string[] } {
  const lines: string[] = [];
  return { lines, write: (line) => void lines.push(line) };
}

describe('passwords', () => {
  test.each([
    ['postgresql://me:secret@host:5432/db', 'postgresql://me:***@host:5432/db'],
    [
      'a postgres://me:se%40cret@h/d and redis://:pw@r b',
      'a postgres://me:***@h/d and redis://:***@r b',
    ],
    ['postgresql://h/d?user=me&password=secret&x=1', 'postgresql://h/d?user=me&password=***&x=1'],
    ['postgresql://h/d?sslpassword=secret"', 'postgresql://h/d?sslpassword=***"'],
    ['http://host:8080/a@b and me@example.org', 'http://host:8080/a@b and me@example.org'],
    [
      '{"url":"postgresql://me@h/d","at":"12:30@home"}',
      '{"url":"postgresql://me@h/d","at":"12:30@home"}',
    ],
  ])('%s', (text, expected) => {
    expect(redactPasswords(text)).toBe(expected);
  });

  test('never reach a log line, wherever they stand', () => {
    const destination = collect();
    const url = 'postgresql://me:topsecret@host/db';
    const log = createLogger({ level: 'info', destination });
    log.error({ url, nested: { list: [url] }, err: new Error(`no way to ${url}`) }, `lost ${url}`);
    expect(destination.lines).toHaveLength(1);
    expect(destination.lines[0]).not.toContain('topsecret');
    expect(JSON.parse(destination.lines[0]!)).toMatchObject({
      name: 'tasker',
      msg: 'lost postgresql://me:***@host/db',
      url: 'postgresql://me:***@host/db',
    });
  });
});

describe('the level', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['silent', []],
    ['WARN', ['warn']],
    ['nonsense', ['info', 'warn']],
    ['debug', ['debug', 'info', 'warn']],
  ])('TASKER_LOG_LEVEL=%s', (level, expected) => {
    vi.stubEnv('TASKER_LOG_LEVEL', level);
    const destination = collect();
    const log = createLogger({ destination });
    log.debug('debug');
    log.info('info');
    log.warn('warn');
    expect(destination.lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(
      expected,
    );
  });

  test('turns logs of the command on, on stderr', async () => {
    const args = ['resolve', '--input', `${ROOT}/test/vectors/plain`, '--json'];
    const ended = await taskerProcess(args, { TASKER_LOG_LEVEL: 'debug' });
    expect(ended.code).toBe(0);
    const lines = ended.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'chunk resolved', chunk: 0, tasks: 250 }),
    ]);
  });
});

test('a terminal gets prettified lines', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { isTTY } = process.stderr;
  try {
    for (const terminal of [true, false]) {
      process.stderr.isTTY = terminal;
      createLogger({ level: 'info' }).info('hello');
    }
    const lines = write.mock.calls.map(([line]) => String(line));
    expect(lines).toEqual([
      expect.stringContaining('hello'),
      expect.stringContaining('"msg":"hello"'),
    ]);
    expect(lines[0]).not.toContain('"msg"');
  } finally {
    process.stderr.isTTY = isTTY;
    write.mockRestore();
  }
});
