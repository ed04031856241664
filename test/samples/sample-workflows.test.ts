import { describe, expect, it } from 'vitest';

import {
  BENCHMARK_WORKFLOWS,
  parseMix,
  SAMPLE_WORKFLOWS,
} from '../../src/samples/workflows/sample-workflows.ts';

/** Steps and edges of each sample, counted by hand from its description. */
const SIZES: Readonly<Record<string, readonly [steps: number, edges: number, failures: number]>> = {
  'ecommerce.process_order@1.0.0': [5, 4, 0],
  'blog_examples.customer_analytics@1.0.0': [8, 8, 0],
  'blog_examples.user_registration@1.0.0': [5, 5, 0],
  'payments.process_refund@2.1.0': [4, 3, 0],
  'customer_success.process_refund@1.3.0': [5, 4, 0],
  'blog_examples.monitored_checkout@1.0.0': [5, 4, 0],
  'api_tests.api_task/integration_yaml_example@0.1.0': [5, 4, 0],
  'ecommerce.ecommerce/order_processing@1.0.1': [4, 3, 0],
  'inventory.inventory/stock_management@1.0.1': [2, 1, 0],
  'customer.customer/user_onboarding@1.0.1': [2, 1, 0],
  'default.dummy_task@0.1.0': [4, 2, 0],
  'default.linear_workflow_task@0.1.0': [6, 5, 1],
  'default.diamond_workflow_task@0.1.0': [7, 7, 2],
  'default.parallel_merge_workflow_task@0.1.0': [7, 6, 3],
  'default.tree_workflow_task@0.1.0': [8, 10, 3],
  'default.mixed_workflow_task@0.1.0': [9, 9, 4],
  'default.configurable_failure_task@0.1.0': [4, 3, 3],
};

describe('sample workflows', () => {
  it('are the seventeen, each of its size', () => {
    const sizes = SAMPLE_WORKFLOWS.map(({ namespace, name, version, steps }) => [
      `${namespace}.${name}@${version}`,
      [
        steps.length,
        steps.flatMap((step) => step.dependsOn).length,
        steps.flatMap((step) => step.failures).length,
      ],
    ]);
    expect(Object.fromEntries(sizes)).toEqual(SIZES);
  });

  it.each([...SAMPLE_WORKFLOWS, ...BENCHMARK_WORKFLOWS])(
    '$namespace.$name lists parents before children',
    ({ steps }) => {
      const seen = new Set<string>();
      for (const step of steps) {
        expect(step.dependsOn.filter((parent) => !seen.has(parent))).toEqual([]);
        expect(seen.has(step.name)).toBe(false);
        expect(step.failures.length).toBeLessThan(step.retryLimit);
        seen.add(step.name);
      }
    },
  );

  it('keep the limits that differ from three', () => {
    const limits = SAMPLE_WORKFLOWS.flatMap(({ namespace, name, steps }) =>
      steps
        .filter((step) => step.retryLimit !== 3)
        .map((step) => `${namespace}.${name}.${step.name} ${step.retryLimit}`),
    );
    expect(limits).toEqual([
      'ecommerce.process_order.update_inventory 2',
      'ecommerce.process_order.send_confirmation 5',
      'blog_examples.customer_analytics.extract_users 5',
      'blog_examples.customer_analytics.transform_customer_metrics 2',
      'blog_examples.customer_analytics.transform_product_metrics 2',
      'blog_examples.customer_analytics.send_notifications 5',
      'blog_examples.user_registration.send_welcome_sequence 5',
      'blog_examples.user_registration.update_user_status 2',
      'payments.process_refund.process_gateway_refund 2',
      'payments.process_refund.notify_customer 5',
      'customer_success.process_refund.check_refund_policy 2',
      'customer_success.process_refund.get_manager_approval 1',
      'blog_examples.monitored_checkout.validate_cart 2',
      'blog_examples.monitored_checkout.update_inventory 2',
      'blog_examples.monitored_checkout.create_order 2',
      'ecommerce.ecommerce/order_processing.create_order 2',
    ]);
  });

  it('for benchmarks are five graphs of ten steps with fifteen edges on average', () => {
    expect(BENCHMARK_WORKFLOWS.map(({ steps }) => steps.length)).toEqual([10, 10, 10, 10, 10]);
    expect(
      BENCHMARK_WORKFLOWS.flatMap(({ steps }) => steps.flatMap((step) => step.dependsOn)),
    ).toHaveLength(75);
  });
});

describe('parseMix', () => {
  const read = (mix?: string): [string, number][] =>
    parseMix(mix).map(({ workflow, weight }) => [`${workflow.namespace}.${workflow.name}`, weight]);

  it('reads shapes, names and weights', () => {
    expect(read('linear=30, diamond=25,payments.process_refund=0.5,dummy_task')).toEqual([
      ['default.linear_workflow_task', 30],
      ['default.diamond_workflow_task', 25],
      ['payments.process_refund', 0.5],
      ['default.dummy_task', 1],
    ]);
  });

  it('shares the weight of a set, and means all samples when nothing is said', () => {
    expect(read('batch10=10').map(([, weight]) => weight)).toEqual([2, 2, 2, 2, 2]);
    expect(read()).toHaveLength(17);
    expect(read()).toEqual(read('all=1'));
  });

  it.each([
    ['linear=x', 'linear=x'],
    ['linear=30,tree=0', 'tree=0'],
    ['linear=-1', 'linear=-1'],
    ['linear=', 'linear='],
    ['linear=1=2', 'linear=1=2'],
    ['linear,', ''],
    ['no_such=3', 'no_such=3'],
    ['process_refund=3', 'process_refund=3'],
  ])('refuses %j and names the part', (mix, part) => {
    expect(() => parseMix(mix)).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'mix', part } }),
    );
  });

  it('says which two samples share a name', () => {
    expect(() => parseMix('process_refund')).toThrow(
      'payments.process_refund or customer_success.process_refund',
    );
  });
});
