import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { instantJson } from '../../src/cli/answers/instant-text.ts';
import { IdWords } from '../../src/cli/answers/id-words.ts';
import { sortLinesById } from '../../src/cli/answers/sort-lines.ts';
import { formatNaive } from '../../src/graph/snapshot/instants.ts';
import { temporaryDirectory } from './tasker.ts';

test('instants print as the plain formatter does', () => {
  const micros = fc.integer({ min: -62_000_000_000_000_000, max: 9_000_000_000_000_000 });
  fc.assert(fc.property(micros, (at) => instantJson(at) === JSON.stringify(formatNaive(at))));
  const farther = fc.double({ min: -210_866_803_200e6, max: 9_224_318_015_999e6, noNaN: true });
  fc.assert(
    fc.property(farther, (far) => {
      const at = Math.round(far);
      return instantJson(at) === JSON.stringify(formatNaive(at));
    }),
    { numRuns: 1000 },
  );
  expect(instantJson(Number.NaN)).toBe('null');
  expect(instantJson(Infinity)).toBe('"infinity"');
  expect(instantJson(-Infinity)).toBe('"-infinity"');
});

test('ids print with all their digits', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (id) => {
      const words = new IdWords(BigInt64Array.of(0n, id));
      expect([words.at(0), words.at(1)].map(String)).toEqual(['0', String(id)]);
    }),
  );
});

describe('lines sorted by id', () => {
  const line = (id: bigint, rest = ''): string => `{"workflow_step_id":${id},"rest":"${rest}"}\n`;

  async function sorted(lines: readonly string[], holdCharacters: number): Promise<string> {
    await using dir = await temporaryDirectory();
    const from = join(dir.path, 'from');
    await using file = await open(from, 'w');
    await file.appendFile(lines.join(''));
    await sortLinesById(from, join(dir.path, 'to'), { holdCharacters });
    expect((await readdir(dir.path)).toSorted()).toEqual(['from', 'to']);
    return await readFile(join(dir.path, 'to'), 'utf8');
  }

  test.each([1, 100, 3000, 1 << 20])('holding %i characters at once', async (hold) => {
    const ids = Array.from(
      { length: 97 },
      (_, at) => BigInt((at * 37) % 97) * 95_000_000_000_000_000n - 5n,
    );
    const lines = ids.map((id) => line(id, 'ü'));
    const expected = ids.toSorted((a, b) => (a < b ? -1 : 1)).map((id) => line(id, 'ü'));
    expect(await sorted(lines, hold)).toBe(expected.join(''));
  });

  test('equal ids keep their order, and nothing gives nothing', async () => {
    expect(await sorted([line(2n, 'a'), line(1n, 'b'), line(2n, 'c')], 20)).toBe(
      line(1n, 'b') + line(2n, 'a') + line(2n, 'c'),
    );
    expect(await sorted([], 20)).toBe('');
  });

  test('a separator inside a text does not end the line', async () => {
    const lines = [line(2n, 'a\u2028b\u2029c\u0085d'), line(1n, '\u2029')];
    for (const hold of [1, 1 << 20]) expect(await sorted(lines, hold)).toBe(lines[1]! + lines[0]!);
  });

  test('an abort leaves no run files', async () => {
    await using dir = await temporaryDirectory();
    const from = join(dir.path, 'from');
    await using file = await open(from, 'w');
    await file.appendFile(Array.from({ length: 50 }, (_, at) => line(BigInt(at))).join(''));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(sortLinesById(from, join(dir.path, 'to'), { signal })).rejects.toThrow('enough');
    expect(await readdir(dir.path)).toEqual(['from']);
  });
});
