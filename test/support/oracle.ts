import type { ContextRow, LevelRow, ReadinessRow } from '../../src/graph/kernels/answer-rows.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import type { RowsInput, StepInput } from '../../src/resolver/sources/rows-source.ts';
import { oracleMicros, oracleText } from './oracle-instants.ts';

/**
 * A deliberately naive second opinion: maps of objects, recursion and fixpoints, written from the
 * contract and the decisions and sharing no code with the kernels. Only for small inputs whose
 * rows do not contradict each other.
 */
export interface OracleAnswer {
  readonly readiness: ReadinessRow[];
  readonly contexts: ContextRow[];
  readonly levels: LevelRow[];
  /** Tasks that hold a cycle, ascending. */
  readonly cyclicTasks: bigint[];
}

interface Node {
  readonly id: bigint;
  readonly taskId: bigint;
  readonly row: StepInput;
  state: string;
  failedAt: number | null;
  /** One entry for each incoming edge; undefined for a step that does not exist. */
  readonly parents: (Node | undefined)[];
}

const DONE = new Set(['complete', 'resolved_manually']);
const KNOWN = new Set(['pending', 'in_progress', 'error', 'cancelled', ...DONE]);
const ACTIONS: Record<string, string> = {
  has_ready_steps: 'execute_ready_steps',
  processing: 'wait_for_completion',
  blocked_by_failures: 'handle_failures',
  all_complete: 'finalize_task',
  waiting_for_dependencies: 'wait_for_dependencies',
};

const byId = (a: { id: bigint }, b: { id: bigint }): number => (a.id < b.id ? -1 : 1);
const isDone = (node: Node | undefined): boolean => node !== undefined && DONE.has(node.state);
const attemptsOf = (node: Node): number => node.row.attempts ?? 0;
const storedLimit = (node: Node): number => node.row.retry_limit ?? 3;

/** What the rules say about these rows at `now` (µs since the epoch). */
export function askOracle(input: RowsInput, rules: Rules, now: number): OracleAnswer {
  const nodes = readNodes(input);
  const names = new Map((input.namedSteps ?? []).map((row) => [row.named_step_id, row.name]));
  const answer: OracleAnswer = { readiness: [], contexts: [], levels: [], cyclicTasks: [] };
  const tasks = input.tasks.map((row) => ({ id: BigInt(row.task_id), row })).toSorted(byId);
  for (const task of tasks) {
    const steps = [...nodes.values()].filter((node) => node.taskId === task.id).toSorted(byId);
    const cyclic = steps.some((step) => localAncestors(step).has(step));
    if (cyclic) answer.cyclicTasks.push(task.id);
    if (cyclic && rules === 'engine') continue;
    const rows = steps.map((step) => readinessOf(step, names, rules, now));
    answer.readiness.push(...rows);
    const current = (input.taskTransitions ?? []).find(
      (row) => row.most_recent && BigInt(row.task_id) === task.id,
    );
    answer.contexts.push({
      task_id: task.id,
      named_task_id: task.row.named_task_id,
      status: current?.to_state ?? 'pending',
      ...contextOf(steps, rows, rules),
    });
    answer.levels.push(...levelsOf(steps));
  }
  return answer;
}

function readNodes(input: RowsInput): Map<bigint, Node> {
  const nodes = new Map<bigint, Node>();
  for (const row of input.steps) {
    const id = BigInt(row.workflow_step_id);
    const taskId = BigInt(row.task_id);
    nodes.set(id, { id, taskId, row, state: 'pending', failedAt: null, parents: [] });
  }
  for (const row of input.stepTransitions ?? []) {
    const node = nodes.get(BigInt(row.workflow_step_id));
    if (!row.most_recent || node === undefined) continue;
    node.state = row.to_state;
    if (row.to_state === 'error') node.failedAt = oracleMicros(row.created_at);
  }
  for (const edge of input.edges) {
    nodes.get(BigInt(edge.to_step_id))?.parents.push(nodes.get(BigInt(edge.from_step_id)));
  }
  return nodes;
}

const localParents = (node: Node): Node[] =>
  node.parents.filter((parent) => parent !== undefined && parent.taskId === node.taskId) as Node[];

/** Every step of the task that leads to this one; the step itself only if it is on a cycle. */
function localAncestors(node: Node): Set<Node> {
  const found = new Set<Node>();
  const visit = (step: Node): void => {
    for (const parent of localParents(step)) {
      if (found.has(parent)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  visit(node);
  return found;
}

function limitOf(node: Node, rules: Rules): number {
  const limit = storedLimit(node);
  return rules === 'engine' && limit === 0 ? 1 : limit;
}

/** least(2^attempts seconds, 30 seconds), to the nearest µs, a half to the even one. */
function failureWait(stored: number | null): number {
  const attempts = stored ?? 1;
  if (attempts > 4) return 30_000_000;
  if (attempts >= 0) return 1_000_000 << attempts;
  if (attempts < -30) return 0;
  const divisor = 2n ** BigInt(-attempts);
  const whole = 1_000_000n / divisor;
  const twice = (1_000_000n % divisor) * 2n;
  const up = twice > divisor || (twice === divisor && whole % 2n === 1n);
  return Number(up ? whole + 1n : whole);
}

function waitsOf(
  { row, failedAt }: Node,
  rules: Rules,
  now: number,
): { next: number | null; over: boolean } {
  const stored = rules === 'engine' ? oracleMicros(row.next_attempt_at) : null;
  if (stored !== null) return { next: stored, over: stored <= now };
  const last = oracleMicros(row.last_attempted_at);
  const seconds = row.backoff_request_seconds ?? null;
  const explicit = last === null || seconds === null ? null : last + seconds * 1_000_000;
  const failure = failedAt === null ? null : failedAt + failureWait(row.attempts ?? null);
  const over = [explicit, failure].every((end) => end === null || end <= now);
  return { next: explicit ?? failure, over };
}

function readinessOf(
  node: Node,
  names: ReadonlyMap<number, string>,
  rules: Rules,
  now: number,
): ReadinessRow {
  const { row, state } = node;
  const satisfied = node.parents.every(isDone);
  const eligible = attemptsOf(node) < limitOf(node, rules);
  const waits = waitsOf(node, rules, now);
  const mayTry = rules === 'engine' && state === 'pending' ? true : (row.retryable ?? true);
  const conditions = [
    state === 'pending' || state === 'error',
    !(row.processed ?? false),
    satisfied,
    eligible,
    mayTry,
    !(row.in_process ?? false),
    waits.over,
  ];
  return {
    workflow_step_id: node.id,
    task_id: node.taskId,
    named_step_id: row.named_step_id,
    name: names.get(row.named_step_id) ?? '',
    current_state: state,
    dependencies_satisfied: satisfied,
    retry_eligible: eligible,
    ready_for_execution: conditions.every(Boolean),
    last_failure_at: oracleText(node.failedAt),
    next_retry_at: oracleText(waits.next),
    total_parents: node.parents.length,
    completed_parents: node.parents.filter(isDone).length,
    attempts: attemptsOf(node),
    retry_limit: storedLimit(node),
    backoff_request_seconds: row.backoff_request_seconds ?? null,
    last_attempted_at: oracleText(oracleMicros(row.last_attempted_at)),
  };
}

/** True when the step's own row says that it will not run again. */
function isDead(node: Node): boolean {
  const { state, row } = node;
  if (state === 'cancelled' || !KNOWN.has(state)) return true;
  if (state !== 'pending' && state !== 'error') return false;
  if (row.processed === true || attemptsOf(node) >= limitOf(node, 'engine')) return true;
  return state === 'error' && row.retryable === false;
}

/** Steps of an acyclic task that can still run some time: found by striking out until none goes. */
function aliveSteps(steps: readonly Node[]): Set<Node> {
  const open = steps.filter((step) => !isDone(step));
  const alive = new Set(open.filter((step) => !isDead(step)));
  const strikes = (step: Node): boolean =>
    step.state !== 'in_progress' &&
    step.parents.some((parent) => {
      if (parent === undefined || isDone(parent)) return false;
      return parent.taskId === step.taskId ? !alive.has(parent) : isDead(parent);
    });
  for (let before = -1; before !== alive.size;) {
    before = alive.size;
    for (const step of alive) if (strikes(step)) alive.delete(step);
  }
  return alive;
}

type Counts = Omit<ContextRow, 'task_id' | 'named_task_id' | 'status'>;

function contextOf(steps: readonly Node[], rows: readonly ReadinessRow[], rules: Rules): Counts {
  const inState = (state: string): number => steps.filter((step) => step.state === state).length;
  const total = steps.length;
  const completed = steps.filter(isDone).length;
  const failed = inState('error');
  const ready = rows.filter((row) => row.ready_for_execution).length;
  const exhausted = steps.filter(
    (step) => step.state === 'error' && attemptsOf(step) >= storedLimit(step),
  ).length;
  let last: string;
  if (rules === 'rails') {
    last = total > 0 && completed === total ? 'all_complete' : 'waiting_for_dependencies';
    if (exhausted > 0) last = 'blocked_by_failures';
  } else {
    last = aliveSteps(steps).size > 0 ? 'waiting_for_dependencies' : 'blocked_by_failures';
    if (completed === total) last = 'all_complete';
  }
  if (inState('in_progress') > 0) last = 'processing';
  if (ready > 0) last = 'has_ready_steps';
  let health = failed === 0 ? 'healthy' : 'recovering';
  if (rules === 'rails' && failed > 0 && ready === 0 && exhausted > 0) health = 'blocked';
  if (rules === 'engine' && last === 'blocked_by_failures') health = 'blocked';
  return {
    total_steps: total,
    pending_steps: inState('pending'),
    in_progress_steps: inState('in_progress'),
    completed_steps: completed,
    failed_steps: failed,
    ready_steps: ready,
    execution_status: last as ContextRow['execution_status'],
    recommended_action: ACTIONS[last] as ContextRow['recommended_action'],
    completion_percentage: total === 0 ? '0.0' : percentage(completed, total),
    health_status: health as ContextRow['health_status'],
  };
}

function percentage(completed: number, total: number): string {
  // exact integers: hundredths of a percent, a half away from zero
  let hundredths = (BigInt(completed) * 10_000n) / BigInt(total);
  if (((BigInt(completed) * 10_000n) % BigInt(total)) * 2n >= BigInt(total)) hundredths++;
  const digits = String(hundredths).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function levelsOf(steps: readonly Node[]): LevelRow[] {
  const roots = steps.filter((step) => step.parents.length === 0);
  const reached = new Set(roots);
  for (let before = -1; before !== reached.size;) {
    before = reached.size;
    for (const step of steps) {
      if (localParents(step).some((parent) => reached.has(parent))) reached.add(step);
    }
  }
  const circling = new Set([...reached].filter((step) => localAncestors(step).has(step)));
  const longest = (step: Node): number =>
    Math.max(
      0,
      ...localParents(step)
        .filter((parent) => reached.has(parent))
        .map((parent) => longest(parent) + 1),
    );
  return [...reached]
    .filter((step) => !circling.has(step))
    .filter((step) => ![...localAncestors(step)].some((above) => circling.has(above)))
    .map((step) => ({ id: step.id, level: longest(step) }))
    .toSorted((a, b) => a.level - b.level || byId(a, b))
    .map(({ id, level }) => ({ workflow_step_id: id, dependency_level: level }));
}
