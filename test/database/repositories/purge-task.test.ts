import { expect, test } from 'vitest';

import { createOrm } from '../../../src/database/repositories/orm.ts';
import { createRepositories } from '../../../src/database/repositories/index.ts';
import { storeManyChains } from '../../support/chains.ts';
import { createTestDatabase } from '../../support/database.ts';
import { withClient } from '../with-client.ts';

test('purging one task of many reads no table whole', async () => {
  await using database = await createTestDatabase();
  await withClient(database.url, async (client) => {
    await storeManyChains(client);
    // an edge from and one to a step of another task
    await client.query(`INSERT INTO tasker_workflow_step_edges
        (from_step_id, to_step_id, name, created_at, updated_at)
      VALUES (5000, 9000, 'provides', now(), now()), (9001, 5001, 'provides', now(), now());
      ANALYZE`);
  });
  const orm = await createOrm({ url: database.url, maxConnections: 1 });
  try {
    await orm.em.fork().transactional(async (em) => {
      expect(await createRepositories(em).tasks.purge(1000n)).toEqual({
        stepTransitions: 12,
        edges: 6,
        steps: 5,
        taskTransitions: 2,
        annotations: 0,
        tasks: 1,
      });
      const whole = await em.execute(
        `SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables
          WHERE relname ~ '^tasker_(tasks|task_trans|workflow)' AND seq_tup_read > 0`,
      );
      expect(whole).toEqual([]);
    });
  } finally {
    await orm.close();
  }
});
