import { expect, test } from 'vitest';

import type { CommandContext } from '../../src/cli/command-context.ts';
import { startProgress } from '../../src/cli/progress.ts';
import { countText, factLines, millisText, textTable } from '../../src/cli/text-table.ts';
import { jsonText } from '../../src/cli/json-text.ts';
import { createLogger } from '../../src/observability/logger.ts';

function context(isTerminal: boolean, note: (text: string) => void): CommandContext {
  return {
    env: {},
    signal: new AbortController().signal,
    unread: new AbortController().signal,
    log: createLogger({ level: 'silent' }),
    isTerminal,
    print: () => undefined,
    note,
  };
}

test('a quick command writes no line', () => {
  const notes: string[] = [];
  const progress = startProgress(context(false, (text) => notes.push(text)));
  progress.phase('reading');
  progress.update(1, 2, 'tasks');
  progress.update(5, undefined, 'rows');
  progress.stop();
  progress.stop();
  expect(notes).toEqual([]);
});

test('a slow one writes how far it is', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const progress = startProgress(context(false, resolve));
  progress.phase('reading');
  progress.update(1500, 6000, 'tasks');
  expect(await promise).toBe('reading: 1,500 of 6,000 tasks, 25 %\n');
  progress.stop();
});

test('a bar may be stopped at any time', () => {
  const progress = startProgress(context(true, () => expect.unreachable()));
  progress.phase('reading');
  progress.update(1, 2, 'tasks');
  progress.update(3, undefined, 'rows');
  progress.phase('writing');
  progress.stop();
  expect(() => progress.stop()).not.toThrow();
});

test('tables, facts and numbers line up', () => {
  expect(
    textTable(
      [{ title: 'a' }, { title: 'n', align: 'right' }],
      [['long', '1'], ['b', '20'], ['c']],
    ),
  ).toBe('a      n\n----  --\nlong   1\nb     20\nc\n');
  expect(
    factLines([
      ['one', '1'],
      ['three', ''],
    ]),
  ).toBe('one    1\nthree\n');
  expect([0.5, 12.34, 123.4, 12_345].map(millisText)).toEqual(['0.50', '12.3', '123', '12,345']);
  expect(countText(1234567)).toBe('1,234,567');
  expect(jsonText({ id: 9007199254740993n, wait: Infinity })).toBe(
    '{\n  "id": 9007199254740993,\n  "wait": null\n}\n',
  );
});
