import { createLogger } from '../../src/observability/logger.ts';
import { describe, expect, it } from 'vitest';

import { SAMPLE_WORKFLOWS } from '../../src/samples/workflows/sample-workflows.ts';
import {
  type SampleTemplate,
  sampleTemplates,
} from '../../src/samples/templates/sample-templates.ts';
import type { StepHandler } from '../../src/templates/step-handler.ts';

const SAMPLES = sampleTemplates();

function sample(name: string): SampleTemplate {
  return SAMPLES.find(
    ({ template }) => `${template.namespace}.${template.name}` === name,
  ) as SampleTemplate;
}

/** Runs a task's steps in topological order in this thread, each until it succeeds or has no attempt left. */
async function run({ template, context }: SampleTemplate, changed: object = {}) {
  const results: Record<string, unknown> = {};
  const attempts: Record<string, number> = {};
  const failures: string[] = [];
  const task = { ...template, taskId: 7n };
  for (const position of template.graph.order) {
    const step = template.steps[position] as (typeof template.steps)[number];
    const invoke = async (attempt: number): Promise<unknown> => {
      const handler = step.handler as Extract<StepHandler, (...parameters: never[]) => unknown>;
      attempts[step.name] = attempt;
      return await handler({
        context: { ...context, ...changed },
        results: Object.fromEntries(step.dependsOn.map((name) => [name, results[name]])),
        attempt,
        taskId: 7n,
        stepId: BigInt(position),
        idempotencyKey: `tsk_7-${position}`,
        log: createLogger(),
        task,
        step: {
          stepId: BigInt(position),
          name: step.name,
          attempt,
          retryLimit: step.retryLimit,
          previousResults: null,
        },
        config: step.config,
        signal: new AbortController().signal,
      });
    };
    for (let attempt = 1; attempt <= step.retryLimit && !(step.name in results); attempt++) {
      try {
        results[step.name] = await invoke(attempt);
      } catch (error) {
        failures.push((error as Error).name);
        if (step.retry?.byError?.[(error as Error).name] === 'never')
          return { results, attempts, failures };
      }
    }
  }
  return { results, attempts, failures };
}

describe('sample templates', () => {
  it('are the sample workflows', () => {
    expect(SAMPLES.map(({ template }) => template.steps.map(({ name }) => name))).toEqual(
      SAMPLE_WORKFLOWS.map(({ steps }) => steps.map(({ name }) => name)),
    );
    expect(new Set(SAMPLES.map(({ template }) => template.hash)).size).toBe(17);
  });

  it.each(SAMPLES)(
    '$template.namespace.$template.name takes its context',
    ({ template, context }) => {
      expect(template.validateContext(context)).toEqual([]);
      expect(template.validateContext(null)).toHaveLength(1);
      const [first] = Object.keys(context);
      const wrong = template.validateContext({ ...context, [first as string]: Symbol('wrong') });
      expect(wrong.map(({ pointer }) => pointer)).toEqual(
        template.contextSchema === undefined ? [] : [`/${first}`],
      );
    },
  );

  it.each(SAMPLES)(
    '$template.namespace.$template.name ends, each step after one attempt more than failures',
    async (one) => {
      const { results, attempts, failures } = await run(one);
      const { namespace, name, steps } = SAMPLE_WORKFLOWS.find(
        (workflow) =>
          workflow.namespace === one.template.namespace && workflow.name === one.template.name,
      ) as (typeof SAMPLE_WORKFLOWS)[number];
      expect(Object.keys(results).sort()).toEqual(steps.map((step) => step.name).sort());
      expect(attempts).toEqual(
        Object.fromEntries(steps.map((step) => [step.name, step.failures.length + 1])),
      );
      const injected = steps.flatMap((step) => step.failures);
      expect(failures.filter((failure) => failure === 'TimeoutError')).toHaveLength(
        injected.filter((failure) => failure === 'timeout').length,
      );
      expect(failures).toHaveLength(injected.length);
      const depths = Object.entries(results).filter(([, result]) => 'depth' in (result as object));
      expect(depths).toHaveLength(
        `${namespace}.${name}` === 'ecommerce.process_order' ? 0 : steps.length,
      );
      for (const [step, result] of depths) {
        const position = one.template.positions.get(step) as number;
        expect(result).toMatchObject({
          step,
          depth: one.template.graph.levels[position],
          saw: (one.template.steps[position]?.dependsOn ?? []).toSorted(),
        });
      }
    },
  );

  it('pass results on through an order, and refuse it for good where nothing heals it', async () => {
    const order = sample('ecommerce.process_order');
    const { results } = await run(order);
    expect(results['process_payment']).toEqual({ payment_id: 'pay_7', charged_cents: 10_000 });
    expect(results['update_inventory']).toEqual({ payment_id: 'pay_7', reserved: { 1: 2, 7: 1 } });
    expect(results['send_confirmation']).toEqual({
      to: 'ada@example.com',
      subject: 'Ada, your order ORD-7',
    });
    const payment = { method: 'paypal', amount: 100, currency: 'EUR', token: 'tok_declined' };
    for (const [changed, failure, done] of [
      [{ payment_info: payment }, 'PaymentDeclined', 1],
      [{ payment_info: { ...payment, amount: 99.99 } }, 'InvalidCart', 0],
      [{ cart_items: [] }, 'InvalidCart', 0],
    ] as const) {
      const refused = await run(order, changed);
      expect(refused.failures).toEqual([failure]);
      expect(Object.keys(refused.results)).toHaveLength(done);
    }
  });

  it('annotate, hand over and repeat as described', async () => {
    const { template } = sample('default.dummy_task');
    const annotations = await template.hooks.updateAnnotations?.({
      task: { taskId: 1n, namespace: 'default', name: 'dummy_task', version: '0.1.0' },
      context: {},
      completed: template.steps.map(({ name }) => ({ stepId: 1n, name, results: null })),
    });
    expect([...(annotations ?? [])]).toHaveLength(4);
    expect([...(annotations ?? [])][0]).toEqual({
      type: 'dummy-annotation',
      annotation: { step_name: 'step-one' },
    });
    const { results } = await run(sample('customer_success.process_refund'));
    expect(results['execute_refund_workflow']).toMatchObject({
      requested: { namespace: 'payments', context: { payment_id: 'pay_123', refund_amount: 75.5 } },
    });
    const idempotent = sample('default.configurable_failure_task').template.steps[3];
    const handler = idempotent?.handler as (step: object) => unknown;
    const step = { name: 'idempotent_step', attempt: 2, previousResults: { step: 's', depth: 3 } };
    expect(handler({ step, results: {} })).toEqual({ step: 's', depth: 3, repeated: true });
  });
});
