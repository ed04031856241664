import { defineEntity } from '@mikro-orm/core';

import { createdAt, key, smallReference, text, updatedAt } from './columns.ts';

/** Schema of {@link DependentSystemObjectMap}. */
export const DependentSystemObjectMapSchema = defineEntity({
  name: 'DependentSystemObjectMap',
  tableName: 'tasker_dependent_system_object_maps',
  properties: {
    dependentSystemObjectMapId: key(),
    dependentSystemOneId: smallReference(),
    dependentSystemTwoId: smallReference(),
    remoteIdOne: text(128),
    remoteIdTwo: text(128),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** Says that two systems know the same thing by two ids; the pair counts in either order. */
export class DependentSystemObjectMap extends DependentSystemObjectMapSchema.class {}

DependentSystemObjectMapSchema.setClass(DependentSystemObjectMap);
