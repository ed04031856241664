import { createTemplate } from '../../templates/create-template.ts';
import type { SampleStep, SampleWorkflow } from '../workflows/sample-workflow.ts';
import { SAMPLE_WORKFLOWS } from '../workflows/sample-workflows.ts';
import type { StepHandler, StepInvocation } from '../../templates/step-handler.ts';
import type { TaskTemplate } from '../../templates/task-template.ts';
import type { StepDefinition } from '../../templates/template-definition.ts';
import type { TemplateHooks } from '../../templates/template-hooks.ts';
import { PROCESS_ORDER, PROCESS_ORDER_RETRY } from './process-order.ts';
import { sampleContext } from './sample-contexts.ts';
import { describeStep, failingFirst, repeatable } from './sample-handlers.ts';

/** A sample as something that runs. */
export interface SampleTemplate {
  readonly template: TaskTemplate;
  /** A context that fits the template. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** Work of single steps that do more than describe what they saw, by `namespace.name.step`. */
const WORK: Readonly<Record<string, StepHandler>> = {
  'customer_success.process_refund.execute_refund_workflow': requestRefund,
  'default.configurable_failure_task.idempotent_step': repeatable,
};

/** Hooks by `namespace.name`. */
const HOOKS: Readonly<Record<string, TemplateHooks>> = {
  'default.dummy_task': {
    updateAnnotations: ({ completed }) =>
      completed.map(({ name }) => ({ type: 'dummy-annotation', annotation: { step_name: name } })),
  },
};

/** The sample workflows as templates with handlers, in their order; made anew by each call. */
export function sampleTemplates(): SampleTemplate[] {
  return SAMPLE_WORKFLOWS.map((workflow) => ({
    template: templateOf(workflow),
    context: sampleContext(workflow.namespace, workflow.name).example,
  }));
}

function templateOf(workflow: SampleWorkflow): TaskTemplate {
  const { namespace, name, version, dependentSystem } = workflow;
  const { schema } = sampleContext(namespace, name);
  const hooks = HOOKS[`${namespace}.${name}`];
  return createTemplate({
    namespace,
    name,
    version,
    dependentSystem,
    steps: workflow.steps.map((step) => stepOf(step, `${namespace}.${name}`)),
    ...(schema !== undefined && { contextSchema: schema }),
    ...(hooks !== undefined && { hooks }),
  });
}

function stepOf(step: SampleStep, template: string): StepDefinition {
  const { failures, dependsOn: after, retryLimit: limit, ...definition } = step;
  const isOrder = template === 'ecommerce.process_order';
  const own = isOrder ? PROCESS_ORDER[step.name] : WORK[`${template}.${step.name}`];
  return {
    ...definition,
    after,
    retry: { limit, ...(isOrder && PROCESS_ORDER_RETRY) },
    handler: failingFirst(failures, own ?? describeStep),
    handlerName: step.name,
  };
}

/** Writes down the task that the payments team is asked for; nothing waits for it. */
function requestRefund(invocation: StepInvocation): object {
  const { context, task } = invocation;
  const { payment_id, refund_amount } = context as Readonly<Record<string, unknown>>;
  return {
    ...describeStep(invocation),
    requested: {
      namespace: 'payments',
      name: 'process_refund',
      version: '2.1.0',
      context: { payment_id, refund_amount },
      reason: `task ${task.taskId}`,
    },
  };
}
