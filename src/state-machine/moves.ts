import type { EventName } from '../events/catalog.ts';
import type { ColumnWrite, Guard, TransitionRule } from './machine.ts';
import { WORKFLOW_STATES, type WorkflowState } from './states.ts';
import { invalidTransition, isAllowed, ruleOf, type Subject } from './transition.ts';

/** One way a task or step may move in one statement: a transition, or two with `pending` between. */
export interface MoveKind {
  /** Position in the list of the subject's kinds. */
  readonly code: number;
  readonly from: WorkflowState;
  readonly via: 'pending' | undefined;
  readonly to: WorkflowState;
  /** Events of the transitions, in order. */
  readonly events: readonly EventName[];
  readonly guards: readonly Guard[];
  /** What both transitions write; the later one prevails. */
  readonly writes: Readonly<Record<string, ColumnWrite>>;
}

/** Every kind of move of each subject, derived from its machine. */
export const MOVE_KINDS: Readonly<Record<Subject, readonly MoveKind[]>> = {
  task: kindsOf('task'),
  step: kindsOf('step'),
};

const KINDS_BY_STATES: ReadonlyMap<string, MoveKind> = new Map(
  Object.entries(MOVE_KINDS).flatMap(([subject, kinds]) =>
    kinds.map((kind) => [`${subject} ${kind.from} ${kind.to}`, kind] as const),
  ),
);

/**
 * The kind of a move; from `error` on to anything but what the machine allows goes by `pending`.
 *
 * Errors: TASKER_INVALID_TRANSITION, with the id. O(1).
 */
export function moveKind(
  subject: Subject,
  from: WorkflowState,
  to: WorkflowState,
  id?: bigint,
): MoveKind {
  const kind = KINDS_BY_STATES.get(`${subject} ${from} ${to}`);
  if (kind !== undefined) return kind;
  throw invalidTransition(subject, from, to, id);
}

function kindsOf(subject: Subject): MoveKind[] {
  const kinds: MoveKind[] = [];
  const add = (
    from: WorkflowState,
    via: 'pending' | undefined,
    to: WorkflowState,
    rules: readonly TransitionRule[],
  ): void => {
    kinds.push({
      code: kinds.length,
      from,
      via,
      to,
      events: rules.map(({ event }) => event),
      guards: rules.flatMap(({ guards = [] }) => guards),
      writes: Object.assign({}, ...rules.map(({ writes = {} }) => writes)) as MoveKind['writes'],
    });
  };
  for (const from of WORKFLOW_STATES) {
    for (const to of WORKFLOW_STATES) {
      if (isAllowed(subject, from, to)) add(from, undefined, to, [ruleOf(subject, from, to)]);
    }
  }
  // A failed task or step starts again, or is cancelled, by way of pending.
  for (const to of ['in_progress', 'cancelled'] as const) {
    add('error', 'pending', to, [
      ruleOf(subject, 'error', 'pending'),
      ruleOf(subject, 'pending', to),
    ]);
  }
  return kinds;
}
