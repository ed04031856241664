import { describe, expect, expectTypeOf, it } from 'vitest';

import type { Tasker } from '../../src/tasker.ts';
import { defineTask, isTemplateLike } from '../../src/templates/define-task.ts';
import { contextType } from '../../src/templates/schema-type.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';

const orderSchema = {
  type: 'object',
  properties: {
    orderId: { type: 'integer' },
    lines: {
      type: 'array',
      items: {
        type: 'object',
        properties: { sku: { type: 'string' }, quantity: { type: 'integer' } },
        required: ['sku', 'quantity'],
      },
    },
    tier: { enum: ['standard', 'premium'] },
  },
  required: ['orderId', 'lines'],
} as const;

const order = defineTask({ name: 'order', context: orderSchema, dependentSystem: 'shop' })
  .step('count', ({ context, results }) => {
    expectTypeOf(results).toEqualTypeOf<NonNullable<unknown>>();
    expectTypeOf(context.tier).toEqualTypeOf<'standard' | 'premium' | undefined>();
    return { items: context.lines.length, at: new Date(0), skipped: undefined };
  })
  .step(
    'price',
    { after: ['count'], skippable: true, config: { perItem: 2n } },
    async ({ results, config }) => {
      expectTypeOf(results.count.at).toEqualTypeOf<string>();
      expectTypeOf(config).toEqualTypeOf<{ perItem: bigint }>();
      await Promise.resolve();
      return results.count.items;
    },
  )
  .step(
    'ship',
    { after: ['count', 'price'] },
    {
      process: ({ results }) => {
        expectTypeOf(results).toEqualTypeOf<{
          readonly count: { at: string; items: number };
          readonly price: number | null;
        }>();
        return results.price ?? 0;
      },
      processResults: (_step, output) => ({ weight: output.toFixed(1) }),
    },
  )
  .step('bill', { after: ['ship'] }, ({ results }) => {
    expectTypeOf(results.ship).toEqualTypeOf<{ weight: string }>();
    // @ts-expect-error price is no parent of this step
    return typeof results.price;
  })
  .build();

describe('defineTask', () => {
  it('makes a template with every default filled in', () => {
    expect(order).toMatchObject({ namespace: 'default', name: 'order', version: '0.1.0' });
    expect(order.steps.map(({ name, dependsOn }) => [name, dependsOn])).toEqual([
      ['count', []],
      ['price', ['count']],
      ['ship', ['count', 'price']],
      ['bill', ['ship']],
    ]);
    expect(order.steps[1]).toEqual({
      name: 'price',
      description: 'price',
      dependsOn: ['count'],
      dependentSystem: 'shop',
      retryable: true,
      retryLimit: 3,
      skippable: true,
      config: { perItem: 2n },
      customEvents: [],
      handler: expect.any(Function),
      handlerName: 'price',
    });
    expect(order.graph.levels).toEqual(Uint32Array.of(0, 1, 2, 3));
  });

  it('gives the types of context and results to who uses the template', () => {
    type Expected = TaskTemplate<
      {
        readonly orderId: number;
        readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
        readonly tier?: 'standard' | 'premium';
      },
      { readonly price: number | null }
    >;
    type ContextIn<T> = T extends TaskTemplate<infer Context> ? Context : never;
    expectTypeOf<ContextIn<typeof order>>().toEqualTypeOf<ContextIn<Expected>>();
    const any: TaskTemplate = order;
    expect(any.validateContext({ orderId: 1, lines: [] })).toEqual([]);
    expect(any.validateContext({ orderId: 'one' })).toEqual([
      { pointer: '/lines', message: 'is missing', keyword: 'required' },
      { pointer: '/orderId', message: 'must be integer', keyword: 'type' },
    ]);
  });

  it('refuses at compile time what would be refused at build time', () => {
    const builder = defineTask({ name: 'wrong', context: contextType<{ id: string }>() }).step(
      'a',
      ({ context }) => {
        // @ts-expect-error the context has no such field
        expect(context.missing).toBeUndefined();
        return context.id;
      },
    );
    // @ts-expect-error there is no step b
    const misspelt = builder.step('c', { after: ['b'] }, () => 1);
    // @ts-expect-error there is a step a already
    const twice = builder.step('a', () => 1);
    // @ts-expect-error a limit is a number
    const texts = builder.step('d', { retry: { limit: '3' } }, () => 1);
    // @ts-expect-error a handler is a function or has process
    const unrunnable = builder.step('e', { run: () => 1 });
    for (const [wrong, message] of [
      [misspelt, 'after[0] of step c names "b", which is no step'],
      [twice, 'name of step a is "a", as of step 1 before it'],
      [texts, 'retry.limit of step d is not a whole number from 0 to 2147483647'],
      [unrunnable, 'handler of step e is neither a function nor has it a process'],
    ] as const) {
      expect(() => wrong.build()).toThrow(
        expect.objectContaining({
          code: 'TASKER_INVALID_TEMPLATE',
          message: expect.stringContaining(message),
        }),
      );
    }
  });

  it('takes the type of the context that is said, and gives every handler its types', () => {
    const shop = defineTask<{ items: string[] }>({ name: 'order' })
      .step('reserve', async ({ context }) => {
        expectTypeOf(context).toEqualTypeOf<{ items: string[] }>();
        return { held: context.items.length };
      })
      .step(
        'charge',
        { after: ['reserve'], retry: { limit: 5, backoff: 'exponential' }, timeout: '10s' },
        ({ results, attempt, signal, taskId, stepId, idempotencyKey, log }) => {
          expectTypeOf(results.reserve.held).toBeNumber();
          expectTypeOf([attempt, signal, taskId, stepId, idempotencyKey]).toEqualTypeOf<
            (number | AbortSignal | bigint | string)[]
          >();
          expectTypeOf(log.info).toBeFunction();
          // @ts-expect-error there is no such field
          return { paid: results.reserve.missing };
        },
      );
    type Results = ReturnType<typeof shop.build> extends TaskTemplate<unknown, infer R> ? R : never;
    expectTypeOf<Results['reserve']>().toEqualTypeOf<{ held: number }>();
    const create = (tasker: Tasker) => tasker.createTask(shop, { context: { items: ['a'] } });
    type Ended = Awaited<ReturnType<Awaited<ReturnType<typeof create>>['result']>>;
    expectTypeOf<Ended['reserve']['held']>().toBeNumber();
    const wrong = (tasker: Tasker) =>
      // @ts-expect-error the items are texts
      tasker.createTask(shop, { context: { items: [1] } });
    expect([create, wrong]).toHaveLength(2);
    // any object where nothing is said
    defineTask({ name: 'plain' }).step('only', ({ context }) =>
      expectTypeOf(context).toEqualTypeOf<Readonly<Record<string, unknown>>>(),
    );
    const step = shop.build().steps[1];
    expect(step).toMatchObject({
      dependsOn: ['reserve'],
      retryLimit: 5,
      timeoutSeconds: 10,
      retry: { backoff: 'exponential' },
    });
  });

  it('stands for the same template at every call', () => {
    const builder = defineTask({ name: 'same' }).step('a', () => 1);
    expect(builder.build()).toBe(builder.build());
    expect(isTemplateLike(builder)).toBe(true);
    expect(isTemplateLike(builder.build())).toBe(true);
    expect([null, {}, () => 1, { steps: [] }].map(isTemplateLike)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('leaves the builder as it was', () => {
    const one = defineTask({ name: 'shared' }).step('a', () => 1);
    const two = one.step('b', { after: ['a'] }, ({ results }) => results.a);
    expect(one.build().steps).toHaveLength(1);
    expect(two.build().steps).toHaveLength(2);
  });
});
