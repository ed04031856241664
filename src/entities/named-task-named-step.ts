import { defineEntity, p } from '@mikro-orm/core';

import { createdAt, smallKey, smallReference, updatedAt } from './columns.ts';

/** Schema of {@link NamedTaskNamedStep}. */
export const NamedTaskNamedStepSchema = defineEntity({
  name: 'NamedTaskNamedStep',
  tableName: 'tasker_named_tasks_named_steps',
  properties: {
    id: smallKey(),
    namedTaskId: smallReference(),
    namedStepId: smallReference(),
    skippable: p.boolean().default(false),
    defaultRetryable: p.boolean().default(true),
    defaultRetryLimit: p.integer().default(3),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** That a kind of task has a kind of step, and what its steps start with. */
export class NamedTaskNamedStep extends NamedTaskNamedStepSchema.class {}

NamedTaskNamedStepSchema.setClass(NamedTaskNamedStep);
