import { defineEntity } from '@mikro-orm/core';

import { createdAt, key, longText, reference, updatedAt } from './columns.ts';

/** Schema of {@link WorkflowStepEdge}. */
export const WorkflowStepEdgeSchema = defineEntity({
  name: 'WorkflowStepEdge',
  tableName: 'tasker_workflow_step_edges',
  properties: {
    id: key(),
    fromStepId: reference(),
    toStepId: reference(),
    name: longText(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** That one step waits for another: `to` runs after `from`. Nothing forbids the same edge twice. */
export class WorkflowStepEdge extends WorkflowStepEdgeSchema.class {}

WorkflowStepEdgeSchema.setClass(WorkflowStepEdge);
