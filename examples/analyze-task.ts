// What a planner asks of a task: its critical path, and what has time to spare.
import { analyzeTask, resolveTasks, rowsSource } from '../src/resolver/index.ts';

const names = ['reserve', 'charge', 'pack', 'ship'];
const seconds = [1, 20, 5, 2];
const source = rowsSource({
  now: '2026-01-01T12:00:00Z',
  tasks: [{ task_id: 1, named_task_id: 1 }],
  steps: names.map((_, at) => ({ workflow_step_id: at + 1, task_id: 1, named_step_id: at + 1 })),
  edges: [
    { from_step_id: 1, to_step_id: 2 },
    { from_step_id: 1, to_step_id: 3 },
    { from_step_id: 2, to_step_id: 4 },
    { from_step_id: 3, to_step_id: 4 },
  ],
  namedSteps: names.map((name, at) => ({ named_step_id: at + 1, name })),
});

for await (const { snapshot } of resolveTasks(source)) {
  const analysis = analyzeTask(snapshot, 1n, {
    secondsOf: ({ stepId }) => seconds[Number(stepId) - 1] ?? 1,
  });
  const path = analysis.criticalPath.map((stepId) => names[Number(stepId) - 1]);
  console.log(`${analysis.seconds} s by way of ${path.join(', ')}`);
  for (const { stepId, totalSeconds } of analysis.slack) {
    if (totalSeconds > 0)
      console.log(`${names[Number(stepId) - 1]} may take ${totalSeconds} s more`);
  }
}
