import type { ResidentData } from './resident-data.ts';

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
export function residentBytes(data: ResidentData): ResidentMemory {
  const columns = data.slotColumns().reduce((sum, column) => sum + column.byteLength, 0);
  const sizes = {
    slotBytes: columns + data.lists.bytes + data.slots.bytes,
    taskBytes: data.tasks.byteLength + data.taskId.byteLength,
    shapeBytes: data.shapes.bytes,
    indexBytes: data.stepIndex.bytes + data.taskIndex.bytes,
    foreignBytes: data.foreign.bytes,
    queueBytes: data.ready.bytes + data.newlyReady.byteLength,
  };
  const totalBytes = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  return { ...sizes, totalBytes, slotsTop: data.slots.top, slotsFree: data.slots.free };
}
