import { defineEntity } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

import { exactInstant, json, key, plainText, reference, text } from './columns.ts';

/** Schema of {@link CoreAudit}. */
export const CoreAuditSchema = defineEntity({
  name: 'CoreAudit',
  tableName: 'tasker_core_audit',
  readonly: true,
  properties: {
    auditId: key(),
    createdAt: exactInstant(),
    actor: text(255),
    action: text(64),
    reason: plainText().nullable(),
    taskId: reference().nullable(),
    stepId: reference().nullable(),
    details: json().nullable(),
  },
});

/** An entry of the operators' journal. */
export class CoreAudit extends CoreAuditSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'details';
}

CoreAuditSchema.setClass(CoreAudit);
