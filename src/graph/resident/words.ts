import { OWN_ROW } from '../rules/own-row.ts';

/** Low bits of a step's word; its unfinished parents stand above them. */
export const WORD = {
  // what the step's own row says, or for `timed` its task's start
  ...OWN_ROW,
  /** Counted as ready; where it stands says `PLACE`. */
  ready: 32,
  /** In the timer queue. */
  waiting: 64,
  /** Low bit of `PLACE`. */
  placeLow: 128,
  /** Steps of other tasks depend on it. */
  foreign: 256,
  /** High bit of `PLACE`. */
  placeHigh: 512,
} as const;

/** The two bits of a ready step's word that say where it stands; both 0: in the ready queue. */
export const PLACE = {
  mask: WORD.placeLow | WORD.placeHigh,
  queued: 0,
  /** Taken from the ready queue and not yet changed; in no list. */
  taken: WORD.placeLow,
  /** In the list of the steps of held tasks. */
  held: WORD.placeHigh,
  /** In the list of a key. */
  parked: WORD.placeLow | WORD.placeHigh,
} as const;

/** Where the count of unfinished parents begins. */
export const PARENTS_SHIFT = 10;
/** One unfinished parent. */
export const ONE_PARENT = 1 << PARENTS_SHIFT;
/** Parents that one step can have at most. */
export const MAX_PARENTS = 2 ** (32 - PARENTS_SHIFT) - 1;
/** What must be exactly `mayRun` for a step to be ready or waiting. */
export const CANDIDATE = ~(ONE_PARENT - 1) | WORD.mayRun;

/** Fields of a task's record, in words of 32 bits: 64 bytes, one cache line. */
export const TASK = {
  first: 0,
  steps: 1,
  shape: 2,
  priorityClass: 3,
  /** Bits of `RESIDENT_TASK`; the status that was last reported stands above them. */
  flags: 4,
  /** By state: see `counterOf`. */
  pending: 5,
  inProgress: 6,
  completed: 7,
  failed: 8,
  /** Steps in states that are counted nowhere else. */
  other: 9,
  ready: 10,
  exhausted: 11,
  /** Steps at a dead end: dead or unreachable (`engine` only). */
  deadEnds: 12,
  /** First edge from a step of another task, -1 without. */
  foreignEdges: 13,
  /** Changes when the task's steps get other slots; part of their handles. */
  stepStamp: 14,
  /** Part of the task's handle. */
  taskStamp: 15,
} as const;
/** A record's length, as a power of two. */
export const TASK_BITS = 4;

/** Bits of a task record's flags. */
export const RESIDENT_TASK = {
  cyclic: 1,
  /** None of its steps is given out. */
  held: 2,
  /** It has a start instant of its own. */
  starts: 4,
  /** Its status may differ from the one that was last reported. */
  changed: 8,
} as const;
/** Where the status that was last reported begins in the flags; one more than its code, 0 for none. */
export const REPORTED_SHIFT = 8;

/** Owner of a ghost's slot. */
export const NO_TASK = 0xff_ff_ff_ff;
