import { readFile, writeFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { dumpSchema } from '../../src/database/schema/schema-dump.ts';
import { createTestDatabase } from '../support/database.ts';
import { withClient } from './with-client.ts';

describe.each(['lean', 'rails'] as const)('the %s schema', (indexes) => {
  it('is the committed one (TASKER_UPDATE_SCHEMA=1 writes it anew)', async () => {
    await using database = await createTestDatabase({ indexes });
    const dump = await withClient(database.url, dumpSchema);
    const file = new URL(`../../docs/schema/${indexes}.sql`, import.meta.url);
    if (process.env['TASKER_UPDATE_SCHEMA'] === '1') await writeFile(file, dump);
    expect(dump).toBe(await readFile(file, 'utf8'));
  });
});
