import { CompiledQuery } from 'kysely';

import type { Queries } from '../id-block.ts';
import type { TaskerEntityManager } from './orm.ts';

interface QueryText {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/**
 * Statements in the entity manager's transaction, or in its pool outside of one, with node-postgres'
 * calling convention. Parameters go as they are; the statement is not prepared by name.
 */
export function queriesOf(em: Pick<TaskerEntityManager, 'getKysely'>): Queries {
  const query = async (
    statement: string | QueryText,
    values: readonly unknown[] = [],
  ): Promise<{ rows: unknown[] }> => {
    const { text, values: own = values } =
      typeof statement === 'string' ? { text: statement } : statement;
    const { rows } = await em.getKysely().executeQuery(CompiledQuery.raw(text, [...own]));
    return { rows };
  };
  return { query } as unknown as Queries;
}
