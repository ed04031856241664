import { describe, expect, it } from 'vitest';

import { createTemplate } from '../../src/templates/create-template.ts';
import { HandlerRegistry } from '../../src/templates/handler-registry.ts';
import { didYouMean } from '../../src/templates/nearest-name.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';
import { latestOf, TemplateRegistry } from '../../src/templates/template-registry.ts';

function template(name: string, version = '0.1.0', namespace = 'default'): TaskTemplate {
  return createTemplate({ namespace, name, version, steps: [] });
}

describe('TemplateRegistry', () => {
  it('keeps templates apart by namespace, name and version', () => {
    const registry = new TemplateRegistry();
    const all = [
      template('refund', '2.1.0', 'payments'),
      template('refund', '1.3.0', 'customers'),
      template('refund', '10.0.0', 'payments'),
      template('refund', '9.0.0', 'payments'),
      template('plain'),
    ].map((one) => registry.register(one));
    for (const one of all) expect(registry.get(one)).toBe(one);
    expect(registry.get({ name: 'plain' })).toBe(all[4]);
    expect(registry.get({ namespace: 'payments', name: 'refund', version: 'latest' })).toBe(all[2]);
    expect(registry.find({ name: 'refund' })).toBeUndefined();
    const listed = registry.list().map((one) => `${one.namespace}.${one.name}@${one.version}`);
    expect(listed).toEqual([
      'customers.refund@1.3.0',
      'default.plain@0.1.0',
      'payments.refund@2.1.0',
      'payments.refund@9.0.0',
      'payments.refund@10.0.0',
    ]);
    expect(registry.list('customers')).toEqual([all[1]]);
    expect(new TemplateRegistry().namespaces()).toEqual(['default']);
  });

  it('replaces only when told to', () => {
    const registry = new TemplateRegistry();
    registry.register(template('a'));
    const second = template('a');
    expect(() => registry.register(second)).toThrow(
      expect.objectContaining({ code: 'TASKER_DUPLICATE_TEMPLATE' }),
    );
    registry.register(second, { replace: true });
    expect(registry.get({ name: 'a' })).toBe(second);
  });

  it.each([
    [{ name: 'proces_order' }, 'Did you mean default.process_order?'],
    [{ name: 'process_order', version: '3.0.0' }, 'There is 0.1.0, 1.0.0.'],
    [{ name: 'process_order', namespace: 'shop' }, 'The namespace default has a template'],
    [{ name: 'something else' }, 'Register it first.'],
  ])('says of %j what may be meant', (key, remedy) => {
    const registry = new TemplateRegistry();
    registry.register(template('process_order', '1.0.0'));
    registry.register(template('process_order'));
    expect(() => registry.get(key)).toThrow(
      expect.objectContaining({
        code: 'TASKER_UNKNOWN_TEMPLATE',
        message: expect.stringContaining(remedy),
      }),
    );
  });

  it.each([
    [['1.9.0', '1.10.0', '1.2.0'], '1.10.0'],
    [['1.0.0', '2.0.0-rc.1'], '1.0.0'],
    [['2.0.0-rc.2', '2.0.0-rc.10'], '2.0.0-rc.10'],
    [['zebra', '0.0.1'], '0.0.1'],
    [['b', 'a'], 'b'],
    [['1.0.0+2', '1.0.0+10'], '1.0.0+10'],
  ])('takes for the latest of %j %s', (versions, latest) => {
    expect(latestOf(versions)).toBe(latest);
    expect(latestOf(versions.toReversed())).toBe(latest);
  });
});

describe('HandlerRegistry', () => {
  it('takes functions, objects, classes and modules; each step has an object of its own', async () => {
    class Shop {
      readonly config: unknown;
      constructor({ config }: { config: unknown }) {
        this.config = config;
      }
      process(): string {
        return 'sold';
      }
    }
    const plain = (): number => 1;
    const object = { process: () => 2 };
    const registry = new HandlerRegistry()
      .register('Plain', plain)
      .register('Object', object)
      .register('Module', { module: import.meta.url, export: 'exported' })
      .register('Shop', Shop);
    expect(registry.handlerFor('Plain', null)).toBe(plain);
    expect(registry.handlerFor('Object', null)).toBe(object);
    expect(registry.moduleOf('Object')).toBeUndefined();
    expect(registry.moduleOf('Module')).toEqual({ module: import.meta.url, export: 'exported' });
    const loaded = registry.handlerFor('Module', null) as (step: unknown) => Promise<unknown>;
    expect(await loaded({ step: { previousResults: 1 } })).toEqual(['output', 1]);
    registry.register('Missing', { module: import.meta.url, export: 'missing' });
    const missing = registry.handlerFor('Missing', null) as (step: unknown) => Promise<unknown>;
    await expect(missing({})).rejects.toMatchObject({ code: 'TASKER_UNKNOWN_HANDLER' });
    const made = registry.handlerFor('Shop', { url: 'x' });
    expect(made).toBeInstanceOf(Shop);
    expect(made).toMatchObject({ config: { url: 'x' } });
    expect(registry.handlerFor('Shop', null)).not.toBe(made);
    expect(registry.names()).toEqual(['Plain', 'Object', 'Module', 'Shop', 'Missing']);
  });

  it('refuses a name twice, an unknown name and what cannot run', () => {
    const registry = new HandlerRegistry().register('Cart::Check', () => 1);
    expect(() => registry.register('Cart::Check', () => 2)).toThrow(
      expect.objectContaining({ code: 'TASKER_DUPLICATE_HANDLER' }),
    );
    registry.register('Cart::Check', () => 3, { replace: true });
    expect(() => registry.handlerFor('Cart::Chek', null)).toThrow(
      expect.objectContaining({
        code: 'TASKER_UNKNOWN_HANDLER',
        message: expect.stringContaining('Did you mean Cart::Check?'),
      }),
    );
    expect(() => registry.register('None', undefined as never)).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
    );
    const hooks = { updateAnnotations: () => [] };
    registry.registerTask('Orders', hooks);
    expect(registry.hooksOf('Orders')).toBe(hooks);
    expect(() => registry.registerTask('Orders', {})).toThrow(
      expect.objectContaining({ code: 'TASKER_DUPLICATE_HANDLER' }),
    );
  });
});

describe('didYouMean', () => {
  it.each([
    ['kitten', 'Did you mean sitten?'],
    ['mangaer', 'Did you mean manager?'],
    ['ab', 'Did you mean a?'],
    ['wholly other', undefined],
  ])('answers %s with %s', (name, answer) => {
    expect(didYouMean(name, ['sitten', 'manager', 'a'])).toBe(answer);
  });
});

/** What a registry loads by module and export. */
export const exported = {
  process: () => 'output',
  processResults: (_step: unknown, output: unknown, initial: unknown) => [output, initial],
};
