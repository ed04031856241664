import { randomBytes } from 'node:crypto';

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createReadinessRepository } from '../../src/database/repositories/readiness-repository.ts';
import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import { createOrm } from '../../src/database/repositories/orm.ts';
import { answersOf } from '../support/answers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { tasker } from '../cli/tasker.ts';
import { loadGolden } from '../support/golden.ts';
import { withClient } from './with-client.ts';

const ROLE = `tasker_hidden_${randomBytes(5).toString('hex')}`;
let database: TestDatabase;
let url: string;
/** A step with a parent that the policy hides, and its task. */
let child: { step: bigint; task: bigint };

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, async (client) => {
    await loadGolden(client, 'plain');
    const { rows } = await client.query<{ step: string; task: string; parent: string }>(
      `SELECT e.to_step_id AS step, s.task_id AS task, e.from_step_id AS parent
        FROM tasker_workflow_step_edges e JOIN tasker_workflow_steps s ON s.workflow_step_id = e.to_step_id
        ORDER BY 1 LIMIT 1`,
    );
    child = { step: BigInt(rows[0]!.step), task: BigInt(rows[0]!.task) };
    await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'secret';
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${ROLE};
      ALTER TABLE tasker_workflow_steps ENABLE ROW LEVEL SECURITY;
      CREATE POLICY hide ON tasker_workflow_steps FOR SELECT TO ${ROLE}
        USING (workflow_step_id <> ${rows[0]!.parent})`);
  });
  const named = new URL(database.url);
  named.username = ROLE;
  named.password = 'secret';
  url = named.href;
});

afterAll(async () => {
  await withClient(database.url, (client) =>
    client.query(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`),
  );
  await database.drop();
});

const refusal: unknown = expect.objectContaining({
  code: 'TASKER_NOT_PERMITTED',
  remedy: expect.stringContaining('BYPASSRLS'),
});

/** A session as a caller might have it: the server's own settings. */
async function withPlainClient(work: (client: pg.Client) => Promise<void>): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('RESET row_security');
    await work(client);
  });
}

const load = (target: Parameters<typeof databaseSource>[0]): Promise<unknown> =>
  answersOf(databaseSource(target), { backend: 'inline' });

describe('rows that a policy hides', () => {
  test('make the snapshot loader refuse, over its own sessions and given ones', async () => {
    await expect(load({ url })).rejects.toStrictEqual(refusal);
    await withPlainClient(async (client) => {
      await expect(load({ clients: [client] })).rejects.toStrictEqual(refusal);
      const { rows } = await client.query('SHOW row_security');
      expect(rows).toEqual([{ row_security: 'on' }]);
    });
  });

  test('make it refuse inside a transaction of the caller', async () => {
    await withPlainClient(async (client) => {
      await client.query('BEGIN');
      await expect(load({ clients: [client] })).rejects.toStrictEqual(refusal);
      await client.query('ROLLBACK');
    });
  });

  test.each(['the task', 'a task that does not exist'])(
    'make the readiness repository refuse for %s',
    async (which) => {
      const id = which === 'the task' ? child.task : 99_999_999_999n;
      const ask = (client: pg.Client): Promise<unknown> =>
        createReadinessRepository(client).stepReadiness(id);
      await withClient(url, (client) => expect(ask(client)).rejects.toStrictEqual(refusal));
      await withPlainClient((client) => expect(ask(client)).rejects.toStrictEqual(refusal));
    },
  );

  test('make a large batch refuse', async () => {
    const ids = Array.from({ length: 100 }, (_, at) => child.task + BigInt(at));
    await withPlainClient((client) =>
      expect(createReadinessRepository(client).taskExecutionContexts(ids)).rejects.toStrictEqual(
        refusal,
      ),
    );
  });

  test('make MikroORM refuse', async () => {
    const orm = await createOrm({ url });
    try {
      const rows = orm.em.fork().getConnection().execute('SELECT 1 FROM tasker_workflow_steps');
      await expect(rows).rejects.toMatchObject({ code: '42501' });
    } finally {
      await orm.close();
    }
  });

  test.each([['resolve'], ['explain']])('make `tasker %s` refuse', async (command) => {
    const ids = command === 'explain' ? [String(child.step)] : [];
    const { code, stdout, stderr } = await tasker([command, ...ids, '--database', url]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/TASKER_NOT_PERMITTED: .* BYPASSRLS/);
  });
});

describe('a policy that does not concern the user', () => {
  test('changes nothing, and a borrowed transaction keeps its setting', async () => {
    await withClient(database.url, async (client) => {
      await client.query('BEGIN; SET LOCAL row_security = on');
      await load({ clients: [client] });
      const { rows } = await client.query('SHOW row_security');
      expect(rows).toEqual([{ row_security: 'on' }]);
      const readiness = await createReadinessRepository(client).stepReadiness(child.task);
      expect(readiness.map((row) => row.workflow_step_id)).toContain(child.step);
      await client.query('ROLLBACK');
    });
  });
});
