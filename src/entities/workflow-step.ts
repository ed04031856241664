import { defineEntity, p } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

import { createdAt, instant, json, key, reference, smallReference, updatedAt } from './columns.ts';

/** Schema of {@link WorkflowStep}. */
export const WorkflowStepSchema = defineEntity({
  name: 'WorkflowStep',
  tableName: 'tasker_workflow_steps',
  properties: {
    workflowStepId: key(),
    taskId: reference(),
    namedStepId: smallReference(),
    retryable: p.boolean().default(true),
    retryLimit: p.integer().nullable().default(3),
    inProcess: p.boolean().default(false),
    processed: p.boolean().default(false),
    processedAt: instant().nullable(),
    /** Finished attempts; null counts as 0. */
    attempts: p.integer().nullable(),
    lastAttemptedAt: instant().nullable(),
    /** Wait that a remote system asked for, in seconds after the last attempt. */
    backoffRequestSeconds: p.integer().nullable(),
    inputs: json().nullable(),
    results: json().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    skippable: p.boolean().default(false),
  },
});

/** One step of a task; the state is its current transition. */
export class WorkflowStep extends WorkflowStepSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'inputs' | 'results';
}

WorkflowStepSchema.setClass(WorkflowStep);
