import { expect, it } from 'vitest';

import { taskStateAt } from '../../src/database/repositories/state-at.ts';
import { TransitionLog } from '../../src/database/engine/transition-log.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { openRepositories } from './repositories/fixture.ts';
import { withClient } from './with-client.ts';

const START = parseInstant('2040-01-01T00:00:00Z') as number;
const MINUTE = 60_000_000;

it('tells the states of a task and its steps at any past instant', async () => {
  await using fixture = await openRepositories();
  const taskId = await fixture.newTask();
  const [a, b] = (await fixture.newSteps(taskId, 'a', 'b')) as [bigint, bigint];
  const log = new TransitionLog();
  await withClient(fixture.url, async (client) => {
    const metadata = '{}';
    const started = await log.apply(client, {
      steps: [
        { taskId, stepId: a, from: 'pending', to: 'in_progress', token: undefined, metadata },
      ],
      tasks: [{ taskId, from: 'pending', to: 'in_progress', token: undefined, metadata }],
      at: START,
    });
    await log.apply(client, {
      steps: [
        { taskId, stepId: a, from: 'in_progress', to: 'error', token: started.steps[0], metadata },
        { taskId, stepId: b, from: 'pending', to: 'cancelled', token: undefined, metadata },
      ],
      tasks: [],
      at: START + MINUTE,
    });
    const statesAt = async (at: number): Promise<string[]> => {
      const { state, steps } = await taskStateAt(client, taskId, at);
      return [state, ...steps.map((step) => `${step.stepId} ${step.state}`)];
    };
    expect(await statesAt(START - 1)).toEqual(['pending', `${a} pending`, `${b} pending`]);
    expect(await statesAt(START)).toEqual(['in_progress', `${a} in_progress`, `${b} pending`]);
    expect(await statesAt(START + MINUTE - 1)).toEqual(await statesAt(START));
    expect(await statesAt(START + MINUTE)).toEqual(['in_progress', `${a} error`, `${b} cancelled`]);
    const { steps } = await taskStateAt(client, taskId, START + MINUTE);
    expect(steps[0]).toEqual({ stepId: a, state: 'error', since: START + MINUTE });

    await expect(taskStateAt(client, taskId + 1n, START)).rejects.toMatchObject({
      code: 'TASKER_UNKNOWN_TASK',
    });
    await expect(taskStateAt(client, taskId, 0)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
    });
  });
});
