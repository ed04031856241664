import { Migrator } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/postgresql';

import { ormConfiguration } from './src/database/repositories/orm.ts';
import { mikroMigrations } from './src/database/schema/mikro-migrations.ts';
import { MIGRATIONS_TABLE } from './src/migrations/index.ts';

/** For the MikroORM command line; the program itself uses `createOrm` and `migrate`. */
const config = defineConfig({
  ...ormConfiguration({ url: process.env['DATABASE_URL'] ?? 'postgresql://localhost:5432/tasker' }),
  extensions: [Migrator],
  migrations: {
    tableName: MIGRATIONS_TABLE,
    migrationsList: mikroMigrations(),
    snapshot: false,
    disableForeignKeys: false,
  },
});

export default config;
