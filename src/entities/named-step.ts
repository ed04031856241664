import { defineEntity } from '@mikro-orm/core';

import { createdAt, smallKey, smallReference, text, updatedAt } from './columns.ts';

/** Schema of {@link NamedStep}. */
export const NamedStepSchema = defineEntity({
  name: 'NamedStep',
  tableName: 'tasker_named_steps',
  properties: {
    namedStepId: smallKey(),
    dependentSystemId: smallReference(),
    name: text(128),
    description: text(255).nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** A kind of step; names are unique within a dependent system. */
export class NamedStep extends NamedStepSchema.class {}

NamedStepSchema.setClass(NamedStep);
