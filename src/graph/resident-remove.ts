import type { ResidentData } from './resident-data.ts';
import { leaveGhost, unlinkForeign } from './resident-ghosts.ts';
import { unlist } from './resident-settle.ts';
import { TASK, TASK_BITS, WORD } from './resident-words.ts';

/**
 * Takes a task out of the graph. Steps that other resident tasks depend on stay behind as ghosts
 * with the row they had. O(steps), expected.
 */
export function removeTask(data: ResidentData, task: number): void {
  const at = task << TASK_BITS;
  const first = data.tasks[at + TASK.first] as number;
  const steps = data.tasks[at + TASK.steps] as number;
  unlinkForeign(data, task);
  let kept = first; // what follows the last ghost is still to be released
  for (let slot = first; slot < first + steps; slot++) {
    const word = data.words[slot] as number;
    if ((word & (WORD.ready | WORD.waiting)) !== 0) unlist(data, slot);
    if ((word & WORD.foreign) === 0) {
      data.stepIndex.delete(slot);
      continue;
    }
    leaveGhost(data, slot);
    if (slot > kept) data.slots.release(kept, slot - kept);
    kept = slot + 1;
  }
  if (first + steps > kept) data.slots.release(kept, first + steps - kept);
  data.taskIndex.delete(task);
  data.ready.leave(data.tasks[at + TASK.priorityClass] as number);
  data.shapes.leave(data.tasks[at + TASK.shape] as number);
  data.tasks.fill(0, at, at + (1 << TASK_BITS));
  data.unusedTasks.push(task);
  data.taskCount--;
}
