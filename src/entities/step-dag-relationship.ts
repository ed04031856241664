import { defineEntity, p } from '@mikro-orm/core';

import { idList, reference, smallReference } from './columns.ts';

/** Schema of {@link StepDagRelationship}. */
export const StepDagRelationshipSchema = defineEntity({
  name: 'StepDagRelationship',
  tableName: 'tasker_step_dag_relationships',
  readonly: true,
  properties: {
    workflowStepId: reference().primary(),
    taskId: reference(),
    namedStepId: smallReference(),
    /** Ascending; one entry for each edge. */
    parentStepIds: idList(),
    /** Ascending; one entry for each edge. */
    childStepIds: idList(),
    parentCount: reference(),
    childCount: reference(),
    isRootStep: p.boolean(),
    isLeafStep: p.boolean(),
    /** Edges on the shortest way from any root; null beyond 50 and where only a cycle leads. */
    minDepthFromRoot: p.integer().nullable(),
  },
});

/** Where a step stands in its graph; read-only. */
export class StepDagRelationship extends StepDagRelationshipSchema.class {}

StepDagRelationshipSchema.setClass(StepDagRelationship);
