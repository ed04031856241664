import { TaskerError } from '../errors.ts';
import type { TaskTemplate } from './task-template.ts';

/** Problems that the message names; `data.problems` has all. */
const NAMED = 5;

/**
 * Refuses a context that does not fit its template.
 *
 * @throws TaskerError `TASKER_INVALID_CONTEXT` with pointer and message of each in `data.problems`
 */
export function requireContext(
  template: Pick<TaskTemplate, 'namespace' | 'name' | 'version' | 'validateContext'>,
  context: unknown,
): void {
  const problems = template.validateContext(context);
  if (problems.length === 0) return;
  const { namespace, name, version } = template;
  const texts = problems
    .slice(0, NAMED)
    .map(({ pointer, message }) => `${pointer === '' ? 'it' : pointer} ${message}`);
  const more = problems.length > NAMED ? `; and ${problems.length - NAMED} more` : '';
  throw new TaskerError(
    'TASKER_INVALID_CONTEXT',
    `The context does not fit ${namespace}.${name}@${version}: ${texts.join('; ')}${more}.`,
    { data: { namespace, name, version, problems } },
  );
}
