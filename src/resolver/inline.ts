import { setImmediate } from 'node:timers/promises';

import { TaskerError } from '../errors.ts';
import { resolvePieces } from '../graph/kernels/resolve.ts';
import { Scratch } from '../graph/snapshot/topological-order.ts';
import type { Backend } from './backend.ts';

/**
 * The kernels in the calling thread. After every stretch of `PIECE_VISITS` steps and edges (some
 * milliseconds at most), inside a large task too, the event loop gets a turn and the signal is
 * looked at; a small snapshot finishes without a wait.
 */
export function inlineBackend(): Backend {
  let closed = false;
  return {
    name: 'inline',
    async resolve(views, parameters, signal) {
      // a run that gives way to others needs its own scratch
      const pieces = resolvePieces(views, parameters, new Scratch());
      for (;;) {
        signal?.throwIfAborted();
        if (closed) throw new TaskerError('TASKER_RESOLVER_CLOSED', 'The resolver was stopped.');
        const { done, value } = pieces.next();
        if (done === true) return value;
        await setImmediate();
      }
    },
    async close() {
      closed = true;
    },
  };
}
