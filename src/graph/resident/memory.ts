import type { ResidentStore } from './store.ts';

/** Sizes of a resident graph, bytes. */
export interface ResidentMemory {
  /** Columns by slot, their queues' links included. */
  readonly slotBytes: number;
  readonly taskBytes: number;
  /** Distinct graphs. */
  readonly shapeBytes: number;
  /** Both indexes of ids. */
  readonly indexBytes: number;
  readonly foreignBytes: number;
  readonly queueBytes: number;
  readonly totalBytes: number;
  /** Highest slot in use plus one, and how many below it are free. */
  readonly slotsTop: number;
  readonly slotsFree: number;
}

/** Counts every array of a resident graph. */
export function residentBytes(store: ResidentStore): ResidentMemory {
  const columns = store.columnBytes;
  const sizes = {
    slotBytes: columns.slots + store.lists.bytes + store.slots.bytes,
    taskBytes: columns.tasks,
    shapeBytes: store.shapes.bytes,
    indexBytes: store.stepIndex.bytes + store.taskIndex.bytes,
    foreignBytes: store.foreign.bytes,
    queueBytes: store.ready.bytes + store.newlyReady.byteLength,
  };
  const totalBytes = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  return { ...sizes, totalBytes, slotsTop: store.slots.top, slotsFree: store.slots.free };
}
