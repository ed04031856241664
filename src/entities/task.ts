import { defineEntity, p } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

import { createdAt, instant, json, key, smallReference, text, updatedAt } from './columns.ts';

/** Schema of {@link Task}. */
export const TaskSchema = defineEntity({
  name: 'Task',
  tableName: 'tasker_tasks',
  properties: {
    taskId: key(),
    namedTaskId: smallReference(),
    /** Set when the task ends well; the state itself is its current transition. */
    complete: p.boolean().default(false),
    requestedAt: instant(),
    initiator: text(128).nullable(),
    sourceSystem: text(128).nullable(),
    reason: text(128).nullable(),
    /** Names of steps; the one column of type json rather than jsonb. */
    bypassSteps: json().columnType('json').nullable(),
    tags: json().nullable(),
    context: json().nullable(),
    identityHash: text(128),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** One run of a named task: a directed acyclic graph of workflow steps. */
export class Task extends TaskSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'bypassSteps' | 'tags' | 'context';
}

TaskSchema.setClass(Task);
