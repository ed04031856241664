import type { SchemaMigration } from './migration.ts';

/**
 * Makes one replay of what is asked for once: a row for each part of the subscriber under one id, with
 * what is asked of it and how far it has come.
 *
 * `total` is counted when the replay is asked for; `seen` are those of them that are over, whatever
 * became of them. `rate` is that of all parts together, in events a second; null for full speed.
 */
export const replayRequests: SchemaMigration = {
  name: '0005_replay_requests',
  tables: [],
  statements: () => [
    `ALTER TABLE tasker_core_replays
  DROP CONSTRAINT tasker_core_replays_pkey,
  ADD CONSTRAINT tasker_core_replays_pkey PRIMARY KEY (replay_id, partition),
  ADD COLUMN rate double precision,
  ADD COLUMN total bigint NOT NULL DEFAULT 0,
  ADD COLUMN seen bigint NOT NULL DEFAULT 0,
  ADD COLUMN errors bigint NOT NULL DEFAULT 0,
  ADD COLUMN cancelled_at timestamp(6),
  ADD COLUMN updated_at timestamp(6)`,
  ],
};
