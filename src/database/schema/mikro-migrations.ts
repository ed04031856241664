import type { MigrationObject } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';

import { MIGRATIONS } from '../../migrations/index.ts';
import type { MigrationContext } from '../../migrations/migration.ts';

/**
 * The numbered migrations as MikroORM's migrator wants them, so that its command line can list and run them.
 *
 * `migrate` does not go this way: it also adopts databases, and does all in one transaction under a lock.
 */
export function mikroMigrations(
  context: MigrationContext = { indexes: 'lean' },
): MigrationObject[] {
  return MIGRATIONS.map((migration) => ({
    name: migration.name,
    class: class extends Migration {
      override up(): void {
        for (const statement of migration.statements(context)) this.addSql(statement);
      }
    },
  }));
}
