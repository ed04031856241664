import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { actionsFor } from '../../src/orchestration/operator-plan.ts';
import { WORKFLOW_STATES } from '../../src/state-machine/states.ts';

it('docs/operating.md names the states that allow each action', async () => {
  const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z_.]+)` \| (task|step) \| ([a-z_, ]+) \|/gm)];
  const written = rows.map(([, action, subject, states]) => ({ action, subject, states }));
  const actual = (['task', 'step'] as const).flatMap((subject) => {
    const pairs = WORKFLOW_STATES.flatMap((state) =>
      actionsFor(subject, state).map((action) => ({ action, state })),
    );
    return Object.entries(Object.groupBy(pairs, ({ action }) => action)).map(
      ([action, allowed]) => ({
        action,
        subject,
        states: allowed.map(({ state }) => state).join(', '),
      }),
    );
  });
  expect(written).toHaveLength(9);
  expect(new Set(written)).toEqual(new Set(actual));
});
