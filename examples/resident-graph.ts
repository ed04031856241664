// A graph in memory that follows its steps: no database, a completion costs its out-degree.
import { ResidentGraph } from '../src/resolver/index.ts';

const names = ['reserve', 'charge', 'pack', 'ship'];
const graph = new ResidentGraph({ nowMicros: Date.now() * 1000, columns: { handler: 'i32' } });

// reserve -> charge and pack -> ship, known once for all orders
const shape = graph.defineShape({
  offsets: Uint32Array.of(0, 2, 3, 4, 4),
  children: Uint32Array.of(1, 2, 3, 3),
  columns: { handler: [0, 1, 2, 3] },
});
if (shape === 'full') throw new Error('there is no room for the graph');
graph.addTasks(shape, {
  taskIds: [1n, 2n],
  stepIds: [11n, 12n, 13n, 14n, 21n, 22n, 23n, 24n],
  priority: [0, 9],
});

const taken = new Float64Array(8);
for (let count = graph.takeReady(taken); count > 0; count = graph.takeReady(taken)) {
  const steps = taken.subarray(0, count);
  for (const step of steps) {
    graph.start(step);
    const task = graph.taskId(graph.taskOf(step));
    console.log(`task ${task}: ${names[Number(graph.getValue('handler', step))]}`);
  }
  for (const { taskId, executionStatus } of graph.settleBatch({ completed: steps }).tasks) {
    if (executionStatus === 'all_complete') console.log(`task ${taskId} is complete`);
  }
}
