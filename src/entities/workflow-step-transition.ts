import { defineEntity, p } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

import { createdAt, json, key, longText, reference, updatedAt } from './columns.ts';

/** Schema of {@link WorkflowStepTransition}. */
export const WorkflowStepTransitionSchema = defineEntity({
  name: 'WorkflowStepTransition',
  tableName: 'tasker_workflow_step_transitions',
  properties: {
    id: key(),
    toState: longText(),
    /** Null in every row that the Rails engine writes. */
    fromState: longText().nullable(),
    metadata: json().nullable().defaultRaw(`'{}'`),
    /** Order within one workflow step; the first row has 10 and each next one 10 more. */
    sortKey: p.integer(),
    /** True for one row of a workflow step at most: the one that tells its state. */
    mostRecent: p.boolean().default(true),
    workflowStepId: reference(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** One change of a workflow step's state; rows are appended, never rewritten. */
export class WorkflowStepTransition extends WorkflowStepTransitionSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'metadata';
}

WorkflowStepTransitionSchema.setClass(WorkflowStepTransition);
