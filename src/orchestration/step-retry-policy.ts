import { TaskerError } from '../errors.ts';
import type { StepTemplate, TaskTemplate } from '../templates/task-template.ts';
import { retryPolicy, type RetryPolicy } from '../policies/retry-policy.ts';

const policies = new WeakMap<StepTemplate, RetryPolicy>();

/** A step's retry policy, checked once. */
export function policyOf(template: StepTemplate): RetryPolicy {
  let policy = policies.get(template);
  if (policy === undefined) {
    policy = retryPolicy(template.retry);
    policies.set(template, policy);
  }
  return policy;
}

/**
 * Checks the retry policies of a template before any of its steps can fail.
 *
 * Errors: TASKER_INVALID_TEMPLATE names the first step whose policy is wrong, and its field.
 */
export function checkRetryPolicies(template: TaskTemplate): void {
  const { namespace, name, version, steps } = template;
  for (const [step, each] of steps.entries()) {
    try {
      policyOf(each);
    } catch (error) {
      if (!(error instanceof TaskerError)) throw error;
      const { field, value } = error.data;
      const message = `${String(field)} of step ${each.name} is ${String(value)}`;
      throw new TaskerError(
        'TASKER_INVALID_TEMPLATE',
        `The template ${namespace}.${name}@${version} is wrong: ${message}.`,
        {
          ...(error.remedy !== undefined && { remedy: error.remedy }),
          data: { template: name, problems: [{ step, field, message }] },
          cause: error,
        },
      );
    }
  }
}
