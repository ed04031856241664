import { defineEntity } from '@mikro-orm/core';

import { createdAt, smallKey, text, updatedAt } from './columns.ts';

/** Schema of {@link TaskNamespace}. */
export const TaskNamespaceSchema = defineEntity({
  name: 'TaskNamespace',
  tableName: 'tasker_task_namespaces',
  properties: {
    taskNamespaceId: smallKey(),
    name: text(64),
    description: text(255).nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** A group of named tasks; names are unique. */
export class TaskNamespace extends TaskNamespaceSchema.class {}

TaskNamespaceSchema.setClass(TaskNamespace);
