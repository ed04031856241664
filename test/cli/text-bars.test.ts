import { expect, test } from 'vitest';

import { countBar, scheduleBar, secondsText } from '../../src/cli/analyze/text-bars.ts';

test.each([
  [{ start: 0, length: 10, slack: 0, isCritical: true }, '#'.repeat(40)],
  [
    { start: 5, length: 2.5, slack: 2.5, isCritical: false },
    `${' '.repeat(20)}${'='.repeat(10)}..........`,
  ],
  [{ start: 10, length: 0, slack: 0, isCritical: false }, `${' '.repeat(39)}|`],
  [{ start: 2, length: 0.001, slack: 0, isCritical: false }, `${' '.repeat(8)}=`],
])('a bar of %o', (step, bar) => {
  expect(scheduleBar(step, 10)).toBe(bar);
});

test('a task that takes no time has bars all the same', () => {
  expect(scheduleBar({ start: 0, length: 0, slack: 0, isCritical: true }, 0)).toBe('|');
});

test('bars of counts grow with them and are never empty', () => {
  expect([countBar(0, 3), countBar(3, 3)]).toStrictEqual(['#', '###']);
  expect([countBar(1, 4000), countBar(2000, 4000)]).toStrictEqual(['#', '#'.repeat(20)]);
});

test.each([
  [0, '0 s'],
  [0.123456, '0.1235 s'],
  [119, '119 s'],
  [150, '2.5 min'],
  [9000, '2.5 h'],
  [864_000, '10 d'],
])('%d seconds', (seconds, text) => {
  expect(secondsText(seconds)).toBe(text);
});
