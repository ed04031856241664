import { setImmediate } from 'node:timers/promises';

import { TaskerError } from '../errors.ts';
import { resolveTaskRange } from '../graph/kernels/resolve.ts';
import { Scratch } from '../graph/snapshot/topological-order.ts';
import type { Cycle } from '../graph/kernels/cycles.ts';
import { stretchCount, stretchStart, type Backend } from './backend.ts';

/**
 * The kernels in the calling thread. Between stretches of about 64k steps the event loop gets a
 * turn, so that a long run can be aborted; a short one finishes without a wait. One task is one
 * stretch, however large: about 20 ms a million steps in which nothing else runs.
 */
export function inlineBackend(): Backend {
  let closed = false;
  return {
    name: 'inline',
    async resolve(views, parameters, signal) {
      // a run that gives way to others needs its own scratch
      const scratch = new Scratch();
      const count = stretchCount(views);
      const cycles: Cycle[] = [];
      for (let stretch = 0; stretch < count; stretch++) {
        if (stretch > 0) await setImmediate();
        signal?.throwIfAborted();
        if (closed) throw new TaskerError('TASKER_RESOLVER_CLOSED', 'The resolver was stopped.');
        const first = stretchStart(views, stretch, count);
        const end = stretchStart(views, stretch + 1, count);
        // not spread: a chunk may hold more cycles than a call takes arguments
        const found = resolveTaskRange(views, parameters, first, end, scratch);
        for (const cycle of found) cycles.push(cycle);
      }
      return cycles;
    },
    async close() {
      closed = true;
    },
  };
}
