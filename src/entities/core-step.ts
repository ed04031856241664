import { defineEntity } from '@mikro-orm/core';

import { exactInstant, reference } from './columns.ts';

/** Schema of {@link CoreStep}. */
export const CoreStepSchema = defineEntity({
  name: 'CoreStep',
  tableName: 'tasker_core_steps',
  readonly: true,
  properties: {
    stepId: reference().primary(),
    /** The step does not run before. */
    nextAttemptAt: exactInstant().nullable(),
  },
});

/** The exact wait of a step; a row only while it has one. */
export class CoreStep extends CoreStepSchema.class {}

CoreStepSchema.setClass(CoreStep);
