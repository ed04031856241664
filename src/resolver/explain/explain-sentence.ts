import { circleText, shortenedWay } from '../../graph/kernels/circle-text.ts';
import type { BlockingReason, StepExplanation, StepReference } from './explanation.ts';

/** How many parents a sentence names one by one. */
const NAMED_PARENTS = 3;

/** The explanation in words: one sentence with every reason. */
export function explanationSentence(facts: Omit<StepExplanation, 'sentence'>): string {
  const subject = `Step ${facts.workflow_step_id} (${facts.name}) of task ${facts.task_id}`;
  if (facts.ready) return `${subject} may run now: nothing holds it back.`;
  if (facts.outlook === 'done') {
    return `${subject} is ${facts.current_state}: nothing is left to run.`;
  }
  const clauses = [
    ...facts.reasons.filter(({ code }) => code !== 'parent_not_done').map(clauseOf),
    ...parentClauses(facts),
  ];
  if (facts.outlook === 'running') return `${subject} is not to be started: ${clauses.join('; ')}.`;
  const verdict =
    facts.outlook === 'stuck' ? 'will not run unless somebody intervenes' : 'is not running yet';
  return `${subject} ${verdict}: ${clauses.join('; ')}.`;
}

function parentClauses({
  reasons,
  total_parents,
  completed_parents,
}: Omit<StepExplanation, 'sentence'>): string[] {
  const parents = reasons.filter((reason) => reason.code === 'parent_not_done');
  if (parents.length === 0) return [];
  const named = parents.slice(0, NAMED_PARENTS).map(clauseOf);
  if (parents.length > NAMED_PARENTS)
    named.push(`and ${parents.length - NAMED_PARENTS} more parents are not done`);
  named.push(
    `${completed_parents} of ${total_parents} ${total_parents === 1 ? 'edge is' : 'edges are'} satisfied`,
  );
  return named;
}

function clauseOf(reason: BlockingReason): string {
  switch (reason.code) {
    case 'parent_not_done': {
      const end = reason.can_finish ? '' : ' and can never finish';
      return `its parent ${referenceText(reason.parent)} is ${stateWords(reason.parent)}${end}`;
    }
    case 'waiting': {
      const left = reason.seconds_left === null ? '' : ` (${reason.seconds_left} s from now)`;
      return `it ${WAITS[reason.wait]} until ${reason.until}${left}`;
    }
    case 'attempts_exhausted':
      return `its attempts are used up (${reason.attempts} of ${reason.retry_limit})`;
    case 'not_retryable':
      return 'it is marked as not retryable';
    case 'processed':
      return 'it is marked as processed';
    case 'in_process':
      return 'it is marked as in process';
    case 'state_not_runnable':
      return `its state is ${reason.state}`;
    case 'cycle': {
      const circle = circleText(reason.path);
      return reason.on_cycle
        ? `it stands on the circle ${circle}`
        : `its task holds the circle ${circle} and is set apart`;
    }
    case 'unreachable': {
      const cause = reason.chain.at(-1);
      if (cause === undefined) return 'an ancestor can never finish';
      const way = wayText(reason.chain.slice(0, -1));
      return reason.cycle === null
        ? `it cannot be reached, because ${referenceText(cause)} is ${stateWords(cause)} for good${way}`
        : `it cannot be reached, because ${referenceText(cause)} stands on the circle ${circleText(reason.cycle)}${way}`;
    }
    case 'task_set_apart':
      return `rows of its task contradict each other (${reason.problems.map(({ message }) => message.replace(/\.$/, '')).join('; ')})`;
  }
}

const WAITS = {
  explicit: 'waits, as its handler asked,',
  failure: 'waits after its failure',
  stored: 'waits for its next attempt',
} as const;

const stateWords = ({ state }: StepReference): string => (state === 'error' ? 'in error' : state);

function referenceText({ workflow_step_id, task_id, name, foreign }: StepReference): string {
  if (foreign) return `${workflow_step_id} of task ${task_id}`;
  return name === null || name === '' ? String(workflow_step_id) : `${workflow_step_id} (${name})`;
}

/** The steps between, the middle of a long way left out. */
function wayText(between: readonly StepReference[]): string {
  if (between.length === 0) return '';
  return ` (through ${shortenedWay(between.map((step) => step.workflow_step_id)).join(', ')})`;
}
