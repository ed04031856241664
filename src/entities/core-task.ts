import { defineEntity, p } from '@mikro-orm/core';

import { exactInstant, reference, text } from './columns.ts';

/** Schema of {@link CoreTask}. */
export const CoreTaskSchema = defineEntity({
  name: 'CoreTask',
  tableName: 'tasker_core_tasks',
  readonly: true,
  properties: {
    taskId: reference().primary(),
    priority: p.integer().default(0),
    correlationId: text(100).nullable(),
    parentTaskId: reference().nullable(),
    /** No step runs before. */
    runAt: exactInstant().nullable(),
    pausedAt: exactInstant().nullable(),
    templateHash: text(64).nullable(),
    traceContext: text(1024).nullable(),
    /** Whose engines run the task. */
    fleet: text(64),
  },
});

/** What the shared tables have no column for; a task without a row belongs to a Rails engine. */
export class CoreTask extends CoreTaskSchema.class {}

CoreTaskSchema.setClass(CoreTask);
