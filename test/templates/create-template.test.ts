import { describe, expect, it } from 'vitest';

import { createTemplate } from '../../src/templates/create-template.ts';
import { unpackGraph } from '../../src/templates/packed-graph.ts';
import type { StepDefinition } from '../../src/templates/template-definition.ts';

const handler = (): number => 1;
const steps: readonly StepDefinition[] = [
  { name: 'last', after: ['b', 'a', 'b'], afterStep: 'a', handler },
  { name: 'a', handler },
  { name: 'b', handler },
];

function hashOf(changed: Partial<StepDefinition>, settings: object = {}): string {
  const [last, ...others] = steps as [StepDefinition, ...StepDefinition[]];
  return createTemplate({ name: 't', ...settings, steps: [{ ...last, ...changed }, ...others] })
    .hash;
}

describe('createTemplate', () => {
  it('keeps the declared order of steps and parents, each parent once', () => {
    const template = createTemplate({ name: 't', steps });
    expect(template.steps.map(({ name }) => name)).toEqual(['last', 'a', 'b']);
    expect(template.steps[0]).toMatchObject({ dependsOn: ['a', 'b'], dependsOnStep: 'a' });
    expect(template.positions.get('b')).toBe(2);
    expect(template.graph.order).toEqual(Uint32Array.of(1, 2, 0));
    expect(unpackGraph(template.packed).graph).toEqual(template.graph);
    expect(() => Object.assign(template.steps[0] as object, { name: 'x' })).toThrow(TypeError);
  });

  it('has a hash of what is stored, and of nothing else', () => {
    const hash = hashOf({});
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf({ after: ['a', 'b'] })).toBe(hash);
    expect(hashOf({ handler: () => 2, config: 1, description: 'd', timeout: 2 })).toBe(hash);
    expect(hashOf({}, { name: 'other', version: '2.0.0', description: 'd' })).toBe(hash);
    const others = [
      hashOf({ name: 'end' }),
      hashOf({ after: [] }),
      hashOf({ retry: { limit: 4 } }),
      hashOf({ retryable: false }),
      hashOf({ skippable: true }),
      hashOf({ dependentSystem: 'shop' }),
      hashOf({}, { dependentSystem: 'shop' }),
      hash,
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it.each([
    [{ name: '' }, 'name is empty'],
    [{ name: 'n'.repeat(65) }, 'name has 65 characters where the column holds 64'],
    [{ namespace: '🙂'.repeat(65) }, 'namespace has 65 characters where the column holds 64'],
    [{ version: '1.0.0-rc.12345678' }, 'version has 17 characters where the column holds 16'],
    [{ version: 1 }, 'version is not text but number 1'],
    [{ dependentSystem: 'a\0b' }, 'dependentSystem holds a character that PostgreSQL cannot store'],
    [{ name: '\uD800' }, 'name holds a character that PostgreSQL cannot store'],
    [{ steps: 3 }, 'steps is not a list of steps'],
    [{ steps: [{ name: 's'.repeat(129), handler }] }, 'has 129 characters'],
    [{ steps: [{ name: 's', handler, retry: { limit: 2_147_483_648 } }] }, 'retry.limit of step s'],
    [{ steps: [{ name: 's', handler, timeout: 0 }] }, 'timeout of step s is not above 0'],
    [{ steps: [{ name: 's', handler, skippable: 'yes' }] }, 'skippable of step s is neither'],
    [
      { steps: [{ name: 's', handler, timeout: '10 minutes' }] },
      'timeout of step s is not above 0',
    ],
    [
      { steps: [{ name: 's', handler, retry: 3 }] },
      'retry of step s is not an object but number 3',
    ],
    [
      { steps: [{ name: 's', handler, dependsOn: [] }] },
      'dependsOn of step s is no field of a step',
    ],
    [{ version: 'latest' }, 'version is latest'],
    [{ steps: [null] }, 'steps of step 1 is not a step but null'],
    [{ steps: ['a'] }, 'is not a step but a string'],
    [{ steps: [{ name: ['s'], handler }] }, 'is not text but a list'],
    [{ steps: [{ name: 's', handler, after: 's' }] }, 'is not a list but a string'],
    [{ steps: [{ name: 's', handler, after: [1] }] }, 'after[0] of step s names 1'],
    [{ steps: [{ name: 's', handler, circuitBreaker: {} }] }, 'is not text but an object'],
    [{ steps: [{ name: 's', handler, thread: true }] }, 'thread of step s does not name'],
    [{ steps: [{ name: 's', handler, thread: { module: 'm' } }] }, 'thread of step s does not'],
    [{ contextSchema: { type: 'objekt' } }, 'contextSchema cannot be compiled'],
    [{ contextSchema: { $ref: 'https://example.org/x.json' } }, 'contextSchema cannot be compiled'],
  ])('refuses %j', (wrong, message) => {
    expect(() => createTemplate({ name: 't', steps: [], ...(wrong as object) })).toThrow(
      expect.objectContaining({
        code: 'TASKER_INVALID_TEMPLATE',
        message: expect.stringContaining(message),
      }),
    );
  });

  it('names the handler by its function or class', () => {
    class Shop {
      process(): number {
        return 1;
      }
    }
    const names = createTemplate({
      name: 't',
      steps: [
        { name: 'a', handler },
        { name: 'b', handler: new Shop() },
        {
          name: 'c',
          handler: (
            () => () =>
              1
          )(),
        },
        { name: 'd', handler, handlerName: 'Other', thread: { module: 'm', export: 'e' } },
      ],
    }).steps.map(({ handlerName }) => handlerName);
    expect(names).toEqual(['handler', 'Shop', 'c', 'Other']);
  });

  it('takes names as wide as their columns', () => {
    const template = createTemplate({
      namespace: '🙂'.repeat(64),
      name: 'n'.repeat(64),
      version: 'v'.repeat(16),
      steps: [{ name: 's'.repeat(128), handler }],
    });
    expect(template.steps).toHaveLength(1);
  });
});
