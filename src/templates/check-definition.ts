import { DURATION_FORM, secondsOf } from '../policies/duration.ts';
import type { StepDefinition, TemplateDefinition } from './template-definition.ts';

/** What is wrong with a definition, and where. */
export interface DefinitionProblem {
  /** Position of the step; none for the template itself. */
  readonly step?: number;
  /** Field of the definition. */
  readonly field: string;
  /** Index within the field, where it is a list. */
  readonly index?: number;
  readonly message: string;
}

/** Widths of the columns that hold the names, in characters. */
const WIDTHS = { namespace: 64, name: 64, version: 16, dependentSystem: 64, step: 128 } as const;

const MAX_INTEGER = 2_147_483_647;

const STEP_FIELDS: ReadonlySet<string> = new Set(
  Object.keys({
    name: true,
    description: true,
    after: true,
    afterStep: true,
    dependentSystem: true,
    retryable: true,
    retry: true,
    skippable: true,
    timeout: true,
    thread: true,
    circuitBreaker: true,
    customEvents: true,
    config: true,
    handler: true,
    handlerName: true,
  } satisfies Record<keyof StepDefinition, true>),
);

/**
 * Finds everything that is wrong with a definition but circles, which {@link compileGraph} reports.
 * O(steps + edges).
 */
export function checkDefinition(definition: TemplateDefinition): DefinitionProblem[] {
  const problems: DefinitionProblem[] = [];
  for (const field of ['namespace', 'name', 'version', 'dependentSystem'] as const) {
    const wrong = nameProblem(definition[field], WIDTHS[field], field !== 'name');
    if (wrong !== undefined) problems.push({ field, message: wrong });
  }
  if (definition.version === 'latest') {
    problems.push({ field: 'version', message: 'is latest, which stands for the newest one' });
  }
  const steps: unknown = definition.steps;
  if (!Array.isArray(steps)) {
    return [...problems, { field: 'steps', message: 'is not a list of steps' }];
  }
  for (const [step, one] of (steps as unknown[]).entries()) {
    if (typeof one !== 'object' || one === null) {
      problems.push({ step, field: 'steps', message: `is not a step but ${describe(one)}` });
    }
  }
  if (problems.some(({ field }) => field === 'steps')) return problems;
  const first = new Map<string, number>();
  for (const [step, { name }] of definition.steps.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, step);
    else {
      const message = `is ${JSON.stringify(name)}, as of step ${earlier + 1} before it`;
      problems.push({ step, field: 'name', message });
    }
  }
  for (const [step, one] of definition.steps.entries()) {
    for (const problem of stepProblems(one, first)) problems.push({ step, ...problem });
  }
  return problems;
}

function stepProblems(
  step: StepDefinition,
  known: ReadonlyMap<string, number>,
): Omit<DefinitionProblem, 'step'>[] {
  const problems: Omit<DefinitionProblem, 'step'>[] = [];
  const check = (field: string, message: string | undefined, index?: number): void => {
    if (message !== undefined)
      problems.push({ field, message, ...(index !== undefined && { index }) });
  };
  for (const field of Object.keys(step)) {
    if (!STEP_FIELDS.has(field)) check(field, 'is no field of a step');
  }
  check('name', nameProblem(step.name, WIDTHS.step, false));
  check('dependentSystem', nameProblem(step.dependentSystem, WIDTHS.dependentSystem, true));
  check('handler', handlerProblem(step.handler));
  if (step.afterStep !== undefined) check('afterStep', parentProblem(step.afterStep, known));
  const parents: unknown = step.after ?? [];
  if (!Array.isArray(parents)) check('after', `is not a list but ${describe(parents)}`);
  else {
    for (const [index, parent] of (parents as unknown[]).entries()) {
      check('after', parentProblem(parent, known), index);
    }
  }
  for (const field of ['description', 'circuitBreaker', 'handlerName'] as const) {
    const value: unknown = step[field];
    if (value !== undefined && typeof value !== 'string') {
      check(field, `is not text but ${describe(value)}`);
    }
  }
  const thread: unknown = step.thread;
  if (thread !== undefined && !isModule(thread)) {
    check('thread', 'does not name the module and the export that hold the handler');
  }
  for (const field of ['retryable', 'skippable'] as const) {
    const value: unknown = step[field];
    if (value !== undefined && typeof value !== 'boolean')
      check(field, 'is neither true nor false');
  }
  const retry: unknown = step.retry;
  if (retry !== undefined && (typeof retry !== 'object' || retry === null)) {
    check('retry', `is not an object but ${describe(retry)}`);
  }
  const limit: unknown = step.retry?.limit;
  if (limit !== undefined && !(Number.isInteger(limit) && isWithin(limit, 0, MAX_INTEGER))) {
    check('retry.limit', `is not a whole number from 0 to ${MAX_INTEGER}`);
  }
  if (step.timeout !== undefined) {
    const seconds = secondsOf(step.timeout);
    if (!isWithin(seconds, Number.MIN_VALUE, MAX_INTEGER)) {
      check('timeout', `is not above 0: ${DURATION_FORM}`);
    }
  }
  return problems;
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function nameProblem(name: unknown, width: number, optional: boolean): string | undefined {
  if (name === undefined) return optional ? undefined : 'is missing';
  if (typeof name !== 'string') return `is not text but ${describe(name)}`;
  if (name.trim() === '') return 'is empty';
  if (name.includes('\0') || !name.isWellFormed()) {
    return 'holds a character that PostgreSQL cannot store (NUL or half a surrogate pair)';
  }
  const length = Array.from(name).length;
  return length > width ? `has ${length} characters where the column holds ${width}` : undefined;
}

function isModule(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { module, export: name } = value as { module?: unknown; export?: unknown };
  return typeof module === 'string' && typeof name === 'string';
}

function parentProblem(parent: unknown, known: ReadonlyMap<unknown, number>): string | undefined {
  return known.has(parent) ? undefined : `names ${JSON.stringify(parent)}, which is no step`;
}

function handlerProblem(handler: unknown): string | undefined {
  if (typeof handler === 'function') return undefined;
  const process: unknown = (handler as { process?: unknown } | null | undefined)?.process;
  return typeof process === 'function' ? undefined : 'is neither a function nor has it a process';
}

function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${typeof value} ${value}`;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
