import { defineEntity } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

import { createdAt, json, reference, smallKey, text, updatedAt } from './columns.ts';

/** Schema of {@link NamedTask}. */
export const NamedTaskSchema = defineEntity({
  name: 'NamedTask',
  tableName: 'tasker_named_tasks',
  properties: {
    namedTaskId: smallKey(),
    name: text(64),
    description: text(255).nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
    taskNamespaceId: reference().defaultRaw('1'),
    version: text(16).default('0.1.0'),
    /** An object; databases also hold null and, as the column's default, the JSON string `"{}"`. */
    configuration: json().nullable().defaultRaw(`'"{}"'`),
  },
});

/** A kind of task in one version, e.g. `payments.refund@1.2.0`. */
export class NamedTask extends NamedTaskSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'configuration';
}

NamedTaskSchema.setClass(NamedTask);
