import { defineEntity } from '@mikro-orm/core';

import { createdAt, smallKey, text, updatedAt } from './columns.ts';

/** Schema of {@link DependentSystem}. */
export const DependentSystemSchema = defineEntity({
  name: 'DependentSystem',
  tableName: 'tasker_dependent_systems',
  properties: {
    dependentSystemId: smallKey(),
    name: text(64),
    description: text(255).nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** A system that steps talk to; names are unique. */
export class DependentSystem extends DependentSystemSchema.class {}

DependentSystemSchema.setClass(DependentSystem);
