import { readFile, writeFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { dumpSchema } from '../../src/database/schema-dump.ts';
import { createTestDatabase } from '../support/database.ts';

describe.each(['lean', 'rails'] as const)('the %s schema', (indexes) => {
  it('is the committed one (TASKER_UPDATE_SCHEMA=1 writes it anew)', async () => {
    await using database = await createTestDatabase({ indexes });
    const client = await connect(database.url);
    const dump = await dumpSchema(client).finally(() => client.end());
    const file = new URL(`../../docs/schema/${indexes}.sql`, import.meta.url);
    if (process.env['TASKER_UPDATE_SCHEMA'] === '1') await writeFile(file, dump);
    expect(dump).toBe(await readFile(file, 'utf8'));
  });
});
