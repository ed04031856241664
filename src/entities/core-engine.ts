import { defineEntity, p } from '@mikro-orm/core';

import { exactInstant, json, key, text } from './columns.ts';

/** Schema of {@link CoreEngine}. */
export const CoreEngineSchema = defineEntity({
  name: 'CoreEngine',
  tableName: 'tasker_core_engines',
  readonly: true,
  properties: {
    engineId: key(),
    fleet: text(64),
    host: text(255),
    processId: p.integer(),
    version: text(64),
    startedAt: exactInstant(),
    heartbeatAt: exactInstant(),
    /** Others take the engine's tasks from then on. */
    expiresAt: exactInstant(),
    /** `namespace/name@version` of each. */
    templates: json(),
    /** Server process that holds the shard locks; null before the first beat. */
    backendPid: p.integer().nullable(),
  },
});

/** A living engine of this package. */
export class CoreEngine extends CoreEngineSchema.class {}

CoreEngineSchema.setClass(CoreEngine);
