import { defineEntity, p } from '@mikro-orm/core';
import type { OptionalProps, PrimaryKeyProp } from '@mikro-orm/core';

import { exactInstant, json, reference, text } from './columns.ts';

/** Schema of {@link CoreEvent}. */
export const CoreEventSchema = defineEntity({
  name: 'CoreEvent',
  tableName: 'tasker_core_events',
  readonly: true,
  properties: {
    position: reference().primary(),
    /** The transaction that the event is ordered by, before `position`. */
    xid: p.bigint('bigint').columnType('xid8'),
    eventId: p.uuid().columnType('uuid'),
    name: text(128),
    taskId: reference().nullable(),
    stepId: reference().nullable(),
    /** The log is partitioned by it. */
    occurredAt: exactInstant().primary(),
    payload: json().nullable(),
    schemaVersion: p.smallint().columnType('smallint').default(1),
    correlationId: text(255).nullable(),
    /** `eventId` of the event that led to this one. */
    causationId: p.uuid().columnType('uuid').nullable(),
  },
});

/** A row of the log of events; `readEvents` reads them safely while others write. */
export class CoreEvent extends CoreEventSchema.class {
  declare [PrimaryKeyProp]?: ['position', 'occurredAt'];
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'payload';
}

CoreEventSchema.setClass(CoreEvent);
