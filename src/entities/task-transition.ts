import { defineEntity, p } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

import { createdAt, json, key, longText, reference, updatedAt } from './columns.ts';

/** Schema of {@link TaskTransition}. */
export const TaskTransitionSchema = defineEntity({
  name: 'TaskTransition',
  tableName: 'tasker_task_transitions',
  properties: {
    id: key(),
    toState: longText(),
    /** Null in every row that the Rails engine writes. */
    fromState: longText().nullable(),
    metadata: json().nullable().defaultRaw(`'{}'`),
    /** Order within one task; the first row has 10 and each next one 10 more. */
    sortKey: p.integer(),
    /** True for one row of a task at most: the one that tells its state. */
    mostRecent: p.boolean().default(true),
    taskId: reference(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** One change of a task's state; rows are appended, never rewritten. */
export class TaskTransition extends TaskTransitionSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'metadata';
}

TaskTransitionSchema.setClass(TaskTransition);
