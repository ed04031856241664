import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { SNAPSHOT_VECTORS, snapshotVectorFile } from '../support/snapshot-vectors.ts';

test.each(Object.entries(SNAPSHOT_VECTORS))(
  '%s holds what is answered today, which the kernels in Rust are held to',
  async (name, make) => {
    const stored = await readFile(snapshotVectorFile(name));
    expect(stored.length).toBeLessThan(1_000_000);
    expect(stored.equals(await make()), 'a wanted change: npm run vectors:update').toBe(true);
  },
);
