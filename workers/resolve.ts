import { toWire, TaskerError, type WireError } from '../src/errors.ts';
import type { Cycle } from '../src/graph/kernels/cycles.ts';
import { HEADER, openSnapshot } from '../src/graph/snapshot/layout.ts';
import { resolveTaskRange, type ResolveParameters } from '../src/graph/kernels/resolve.ts';
import { Scratch } from '../src/graph/snapshot/topological-order.ts';

/** One worker's share of a snapshot: it takes stretches off the shared cursor until none is left. */
export interface ResolveJob {
  readonly buffer: SharedArrayBuffer;
  readonly parameters: ResolveParameters;
  readonly stretches: number;
}

/** A worker's answer; errors travel as data, so that their code survives. */
export type ResolveAnswer = { readonly cycles: Cycle[] } | { readonly error: WireError };

const scratch = new Scratch();

/** Entry point of the resolver pool: numbers in, numbers out. */
export default function resolveShare(job: ResolveJob): ResolveAnswer {
  try {
    return { cycles: workOff(job) };
  } catch (error) {
    return { error: toWire(error, 'TASKER_WORKER_LOST') };
  }
}

function workOff({ buffer, parameters, stretches }: ResolveJob): Cycle[] {
  const views = openSnapshot(buffer);
  if ('problem' in views) {
    throw new TaskerError(
      'TASKER_BAD_SNAPSHOT',
      `The snapshot's ${views.section} ${views.problem}.`,
      { data: { ...views } },
    );
  }
  const { header, counts } = views;
  const cycles: Cycle[] = [];
  for (;;) {
    if (Atomics.load(header, HEADER.cancel) !== 0) return cycles;
    const stretch = Atomics.add(header, HEADER.cursor, 1);
    if (stretch >= stretches) return cycles;
    const first = Math.floor((counts.tasks * stretch) / stretches);
    const end = Math.floor((counts.tasks * (stretch + 1)) / stretches);
    const found = resolveTaskRange(views, parameters, first, end, scratch);
    for (const cycle of found) cycles.push(cycle);
  }
}
