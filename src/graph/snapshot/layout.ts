import { allocated, requireCountable, SnapshotTooLargeError } from './too-large.ts';

/**
 * The snapshot layout: one SharedArrayBuffer, a header of 64 words, then 8-byte-aligned sections,
 * structure of arrays. This table is the only description of it in TypeScript; the header carries
 * every offset, so that a reader in another language needs the section order and nothing else.
 *
 * T tasks, N steps (grouped by task), G ghosts (foreign parents, numbered N to N+G-1), E edges,
 * W timed steps (those with a failure instant, an explicit wait or a stored next attempt).
 */
const LAYOUT_MAGIC = 0x47_4b_53_54;
/** Raised with every change of {@link SECTIONS}. */
export const LAYOUT_VERSION = 1;
/** Words (Uint32) before the first section. */
const HEADER_WORDS = 64;

/** Header words that are not section offsets. */
export const HEADER = {
  magic: 0,
  version: 1,
  tasks: 2,
  steps: 3,
  ghosts: 4,
  edges: 5,
  timed: 6,
  sections: 7,
  /** Work-sharing cursor of a pool run; not part of the data. */
  cursor: 8,
  /** Non-zero asks a running kernel to stop; not part of the data. */
  cancel: 9,
  /** Zero, or the ticket of the one call that may write the outputs; not part of the data. */
  holder: 10,
  firstSection: 16,
} as const;

const ARRAYS = {
  u8: Uint8Array,
  u32: Uint32Array,
  i32: Int32Array,
  f64: Float64Array,
  i64: BigInt64Array,
} as const;

interface ArrayOf {
  u8: Uint8Array<SharedArrayBuffer>;
  u32: Uint32Array<SharedArrayBuffer>;
  i32: Int32Array<SharedArrayBuffer>;
  f64: Float64Array<SharedArrayBuffer>;
  i64: BigInt64Array<SharedArrayBuffer>;
}

/** Sizes of a snapshot; every section's length follows from them. */
export interface SnapshotCounts {
  readonly tasks: number;
  readonly steps: number;
  readonly ghosts: number;
  readonly edges: number;
  readonly timed: number;
}

type Length = (counts: SnapshotCounts) => number;
const perTask: Length = (c) => c.tasks;
const perStep: Length = (c) => c.steps;
const perNode: Length = (c) => c.steps + c.ghosts;
const perEdge: Length = (c) => c.edges;
const perTimed: Length = (c) => c.timed;

/**
 * Sections in buffer order: element type, length, part (`input` feeds the kernels, `carried` only
 * passes through, `output` is written by them).
 */
export const SECTIONS = {
  /** First step of each task; `taskSteps[T] = N`. */
  taskSteps: { type: 'u32', length: (c) => c.tasks + 1, part: 'input' },
  /** First edge of each step in `parents`; `parentOffsets[N] = E`. */
  parentOffsets: { type: 'u32', length: (c) => c.steps + 1, part: 'input' },
  /** Parent of each edge (step or ghost number), grouped by child; duplicates kept. */
  parents: { type: 'u32', length: perEdge, part: 'input' },
  /** First edge of each node in `children`; `childOffsets[N+G] = E`. */
  childOffsets: { type: 'u32', length: (c) => c.steps + c.ghosts + 1, part: 'input' },
  /** Child of each edge, grouped by parent, ascending. */
  children: { type: 'u32', length: perEdge, part: 'input' },
  /** State code of each node, see `STATE_CODES`. */
  state: { type: 'u8', length: perNode, part: 'input' },
  /** Flag bits of each node, see `STEP_FLAGS`. */
  flags: { type: 'u8', length: perNode, part: 'input' },
  /** Attempts of each node, null as 0 (and flagged). */
  attempts: { type: 'i32', length: perNode, part: 'input' },
  /** Retry limit of each node, null as 3 (and flagged). */
  retryLimit: { type: 'i32', length: perNode, part: 'input' },
  /** Steps with a time, ascending. */
  timedStep: { type: 'u32', length: perTimed, part: 'input' },
  /** When the step fell into its present `error`, µs since the epoch, NaN if it is in none. */
  failedAt: { type: 'f64', length: perTimed, part: 'input' },
  /** Stored next-attempt instant, µs since the epoch, NaN if there is none. */
  nextAttemptAt: { type: 'f64', length: perTimed, part: 'input' },
  /** State code of each task. */
  taskState: { type: 'u8', length: perTask, part: 'input' },
  /** Flag bits of each task, see `TASK_FLAGS`. */
  taskFlags: { type: 'u8', length: perTask, part: 'input' },
  /** Last attempt of each step, µs since the epoch, NaN for null. */
  lastAttemptedAt: { type: 'f64', length: perStep, part: 'carried' },
  /** Explicit wait of each step in seconds (0 and flagged for null). */
  backoffSeconds: { type: 'i32', length: perStep, part: 'carried' },
  /** Database id of each node. */
  stepId: { type: 'i64', length: perNode, part: 'carried' },
  namedStepId: { type: 'i32', length: perStep, part: 'carried' },
  taskId: { type: 'i64', length: perTask, part: 'carried' },
  namedTaskId: { type: 'i32', length: perTask, part: 'carried' },
  /** Task of each ghost. */
  ghostTaskId: { type: 'i64', length: (c) => c.ghosts, part: 'carried' },
  /** Result bits of each step, see `RESULT_BITS`. */
  bits: { type: 'u8', length: perStep, part: 'output' },
  completedParents: { type: 'u32', length: perStep, part: 'output' },
  /** Longest path from a local root in edges, -1 where the step has no level. */
  level: { type: 'i32', length: perStep, part: 'output' },
  /** When the step's wait ends or ended, µs since the epoch, NaN for null; beside `timedStep`. */
  nextRetryAt: { type: 'f64', length: perTimed, part: 'output' },
  pendingSteps: { type: 'u32', length: perTask, part: 'output' },
  inProgressSteps: { type: 'u32', length: perTask, part: 'output' },
  completedSteps: { type: 'u32', length: perTask, part: 'output' },
  failedSteps: { type: 'u32', length: perTask, part: 'output' },
  readySteps: { type: 'u32', length: perTask, part: 'output' },
  /** Index into `EXECUTION_STATUSES`. */
  executionStatus: { type: 'u8', length: perTask, part: 'output' },
  /** Index into `HEALTH_STATUSES`. */
  healthStatus: { type: 'u8', length: perTask, part: 'output' },
} as const satisfies Record<
  string,
  { type: keyof ArrayOf; length: Length; part: 'input' | 'carried' | 'output' }
>;

type SectionName = keyof typeof SECTIONS;
const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[];

/** Typed-array views over every section of one snapshot buffer. */
export type SnapshotViews = {
  readonly [Name in SectionName]: ArrayOf[(typeof SECTIONS)[Name]['type']];
} & {
  readonly buffer: SharedArrayBuffer;
  readonly header: Uint32Array<SharedArrayBuffer>;
  readonly counts: SnapshotCounts;
};

/** Bits of a step's `flags` byte. Any of the low three keeps a step from running under `rails`. */
export const STEP_FLAGS = {
  processed: 1,
  inProcess: 2,
  notRetryable: 4,
  attemptsNull: 8,
  retryLimitNull: 16,
  backoffNull: 32,
  skippable: 64,
  /** The step has a current transition row. */
  transitioned: 128,
} as const;

/** Bits of a task's `taskFlags` byte. */
export const TASK_FLAGS = {
  /** Each local parent has a smaller number than its child: one forward pass suffices. */
  topological: 1,
  /** Written by the kernels: steps of the task stand on a cycle. */
  cyclic: 2,
  /** Written by the kernels: a root of the task leads into a cycle. */
  cycleReachable: 4,
  /** Rows of the task contradict each other: it stands in the snapshot, but is not answered. */
  refused: 8,
  /** The task has a current transition row. */
  transitioned: 128,
} as const;

/** Bits of a step's `bits` result byte; `dead` and `unreachable` are set under `engine` only. */
export const RESULT_BITS = {
  dependenciesSatisfied: 1,
  retryEligible: 2,
  ready: 4,
  /** All but the clock is satisfied. */
  waiting: 8,
  /** The step itself can never run again: cancelled, failed for good, exhausted. */
  dead: 16,
  /** An ancestor can never complete. */
  unreachable: 32,
  onCycle: 64,
  /** In `error` without an attempt left. */
  exhausted: 128,
} as const;

/** Execution statuses by code, each with its recommended action. */
export const EXECUTION_STATUSES = [
  { status: 'has_ready_steps', action: 'execute_ready_steps' },
  { status: 'processing', action: 'wait_for_completion' },
  { status: 'blocked_by_failures', action: 'handle_failures' },
  { status: 'all_complete', action: 'finalize_task' },
  { status: 'waiting_for_dependencies', action: 'wait_for_dependencies' },
] as const;

/** Health statuses by code. */
export const HEALTH_STATUSES = ['healthy', 'recovering', 'blocked'] as const;

const align = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Bytes of one snapshot, header included, whole or one part of it; O(1). */
export function snapshotBytes(
  counts: SnapshotCounts,
  part?: 'input' | 'carried' | 'output',
): number {
  let bytes = part === undefined ? HEADER_WORDS * 4 : 0;
  for (const name of SECTION_NAMES) {
    const section = SECTIONS[name];
    if (part !== undefined && section.part !== part) continue;
    bytes += align(section.length(counts) * ARRAYS[section.type].BYTES_PER_ELEMENT);
  }
  return bytes;
}

/**
 * A new zeroed buffer for a snapshot of these sizes, its header written.
 *
 * Errors: SnapshotTooLargeError for more than the layout or the memory holds.
 */
export function allocateSnapshot(counts: SnapshotCounts): SnapshotViews {
  requireCountable('tasks', counts.tasks);
  requireCountable('steps', counts.steps + counts.ghosts);
  requireCountable('edges', counts.edges);
  const bytes = snapshotBytes(counts);
  // offsets in the header count 8 bytes in 32 bits
  if (bytes > 2 ** 35)
    throw new SnapshotTooLargeError(`${bytes} bytes are more than the layout holds`);
  const buffer = allocated(bytes, () => new SharedArrayBuffer(bytes));
  const header = new Uint32Array(buffer, 0, HEADER_WORDS);
  header[HEADER.magic] = LAYOUT_MAGIC;
  header[HEADER.version] = LAYOUT_VERSION;
  header[HEADER.tasks] = counts.tasks;
  header[HEADER.steps] = counts.steps;
  header[HEADER.ghosts] = counts.ghosts;
  header[HEADER.edges] = counts.edges;
  header[HEADER.timed] = counts.timed;
  header[HEADER.sections] = SECTION_NAMES.length;
  let offset = HEADER_WORDS * 4;
  for (const [at, name] of SECTION_NAMES.entries()) {
    const section = SECTIONS[name];
    header[HEADER.firstSection + at] = offset / 8;
    offset += align(section.length(counts) * ARRAYS[section.type].BYTES_PER_ELEMENT);
  }
  return viewsOf(buffer, header, counts);
}

function viewsOf(
  buffer: SharedArrayBuffer,
  header: Uint32Array<SharedArrayBuffer>,
  counts: SnapshotCounts,
): SnapshotViews {
  const views: Record<string, unknown> = { buffer, header, counts };
  for (const [at, name] of SECTION_NAMES.entries()) {
    const section = SECTIONS[name];
    const offset = (header[HEADER.firstSection + at] as number) * 8;
    const ArrayType: new (of: SharedArrayBuffer, from: number, length: number) => unknown =
      ARRAYS[section.type];
    views[name] = new ArrayType(buffer, offset, section.length(counts));
  }
  return views as unknown as SnapshotViews;
}

/** Why a buffer is not a snapshot. */
export interface LayoutProblem {
  readonly section: string;
  readonly problem: string;
}

/** True for a header of this magic, version and section list whose sections fit into the buffer. */
function headerProblem(buffer: SharedArrayBuffer): LayoutProblem | undefined {
  const wrong = (problem: string): LayoutProblem => ({ section: 'header', problem });
  if (buffer.byteLength < HEADER_WORDS * 4) return wrong(`has ${buffer.byteLength} bytes`);
  const header = new Uint32Array(buffer, 0, HEADER_WORDS);
  if (header[HEADER.magic] !== LAYOUT_MAGIC) return wrong('does not start with the magic word');
  const version = header[HEADER.version];
  if (version !== LAYOUT_VERSION) {
    return wrong(`is of layout version ${version}, this program knows ${LAYOUT_VERSION}`);
  }
  if (header[HEADER.sections] !== SECTION_NAMES.length) return wrong('lists other sections');
  return undefined;
}

/**
 * Opens a snapshot buffer: checks the header, then that the sections follow each other inside the
 * buffer.
 * O(sections); the graph itself is checked by `findSnapshotProblem`.
 *
 * @returns the views, or what is wrong with the header
 */
export function openSnapshot(buffer: SharedArrayBuffer): SnapshotViews | LayoutProblem {
  const problem = headerProblem(buffer);
  if (problem !== undefined) return problem;
  const header = new Uint32Array(buffer, 0, HEADER_WORDS);
  const word = (at: number): number => header[at] as number;
  const counts: SnapshotCounts = {
    tasks: word(HEADER.tasks),
    steps: word(HEADER.steps),
    ghosts: word(HEADER.ghosts),
    edges: word(HEADER.edges),
    timed: word(HEADER.timed),
  };
  let previousEnd = HEADER_WORDS * 4;
  for (const [at, name] of SECTION_NAMES.entries()) {
    const section = SECTIONS[name];
    const start = word(HEADER.firstSection + at) * 8;
    const end = start + section.length(counts) * ARRAYS[section.type].BYTES_PER_ELEMENT;
    if (end > buffer.byteLength) {
      return { section: name, problem: `lies outside of the ${buffer.byteLength} bytes` };
    }
    // an output that overlaps an input would turn a checked edge into an unchecked one
    if (start < previousEnd) return { section: name, problem: 'overlaps what stands before it' };
    previousEnd = end;
  }
  return viewsOf(buffer, header, counts);
}
