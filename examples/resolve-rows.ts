// Rows in memory, no database: which steps of an order may run now, and why the others may not.
import { explainStep, resolveTasks, rowsSource } from '../src/resolver/index.ts';

const source = rowsSource({
  now: '2026-01-01T12:00:00Z',
  tasks: [{ task_id: 1, named_task_id: 1 }],
  steps: [
    { workflow_step_id: 10, task_id: 1, named_step_id: 1, attempts: 1, processed: true },
    { workflow_step_id: 11, task_id: 1, named_step_id: 2, attempts: 1 },
    { workflow_step_id: 12, task_id: 1, named_step_id: 3 },
    { workflow_step_id: 13, task_id: 1, named_step_id: 4 },
  ],
  edges: [
    { from_step_id: 10, to_step_id: 11 },
    { from_step_id: 10, to_step_id: 12 },
    { from_step_id: 11, to_step_id: 13 },
    { from_step_id: 12, to_step_id: 13 },
  ],
  stepTransitions: [
    {
      workflow_step_id: 10,
      to_state: 'complete',
      most_recent: true,
      created_at: '2026-01-01T11:59:00Z',
    },
    {
      workflow_step_id: 11,
      to_state: 'error',
      most_recent: true,
      created_at: '2026-01-01T11:59:59.500Z',
    },
  ],
  namedSteps: [
    { named_step_id: 1, name: 'validate_cart' },
    { named_step_id: 2, name: 'process_payment' },
    { named_step_id: 3, name: 'reserve_stock' },
    { named_step_id: 4, name: 'send_confirmation' },
  ],
});

for await (const chunk of resolveTasks(source, { rules: 'engine' })) {
  const { snapshot, resolution } = chunk;
  for (let step = 0; step < snapshot.views.counts.steps; step++) {
    console.log(explainStep(snapshot, 0, step, 'engine', resolution.nowMicros).sentence);
  }
}
