import { defineEntity, p } from '@mikro-orm/core';

import { exactInstant, text } from './columns.ts';

/** Schema of {@link CoreGraph}. */
export const CoreGraphSchema = defineEntity({
  name: 'CoreGraph',
  tableName: 'tasker_core_graphs',
  readonly: true,
  properties: {
    templateHash: text(64).primary(),
    graph: p.blob().columnType('bytea'),
    createdAt: exactInstant(),
  },
});

/** The graph that the tasks of one template hash share. */
export class CoreGraph extends CoreGraphSchema.class {}

CoreGraphSchema.setClass(CoreGraph);
