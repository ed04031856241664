// Many tasks of one template: which of their steps may run, asked again after each change.
import { createReadyIndex, resolveTasks, rowsSource, STATE_CODES } from '../src/resolver/index.ts';

const tasks = Array.from({ length: 100 }, (_, at) => at + 1);
const source = rowsSource({
  now: '2026-01-01T12:00:00Z',
  tasks: tasks.map((task_id) => ({ task_id, named_task_id: 1 })),
  steps: tasks.flatMap((task_id) => [
    { workflow_step_id: task_id * 10, task_id, named_step_id: 1 },
    { workflow_step_id: task_id * 10 + 1, task_id, named_step_id: 2 },
  ]),
  edges: tasks.map((task) => ({ from_step_id: task * 10, to_step_id: task * 10 + 1 })),
});

const now = Date.parse('2026-01-01T12:00:00Z') * 1000;
for await (const { snapshot } of resolveTasks(source)) {
  const index = createReadyIndex(snapshot, 'engine');
  console.log(`${index.readyCount(now)} steps may run, step ${index.readyStepIds(now)[0]} first`);
  index.update(index.findStep(10n), { state: STATE_CODES.complete });
  console.log(`${index.readyCount(now)} steps may run, step ${index.readyStepIds(now)[0]} first`);
}
