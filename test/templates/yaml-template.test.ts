import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { isTaskerError, type TaskerError } from '../../src/errors.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { HandlerRegistry } from '../../src/templates/handler-registry.ts';
import { loadTemplates } from '../../src/templates/load-templates.ts';
import { SAMPLE_WORKFLOWS } from '../../src/samples/workflows/sample-workflows.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';
import { parseTemplate, type YamlTemplateOptions } from '../../src/templates/yaml-template.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/templates', import.meta.url));

/** Handlers of the example templates, by name. */
const EXAMPLE_HANDLERS =
  `ValidateCartHandler ProcessPaymentHandler UpdateInventoryHandler CreateOrderHandler
  SendConfirmationHandler ValidatePaymentEligibilityHandler ProcessGatewayRefundHandler
  UpdatePaymentRecordsHandler NotifyCustomerHandler ValidateRefundRequestHandler CheckRefundPolicyHandler
  GetManagerApprovalHandler ExecuteRefundWorkflowHandler UpdateTicketStatusHandler
  ApiTask::StepHandler::CartFetchStepHandler ApiTask::StepHandler::ProductsFetchStepHandler
  ApiTask::StepHandler::ProductsValidateStepHandler ApiTask::StepHandler::CreateOrderStepHandler
  ApiTask::StepHandler::PublishEventStepHandler Ecommerce::ValidateCart Ecommerce::CheckInventory
  Ecommerce::CalculatePricing Ecommerce::CreateOrder`.split(/\s+/);

function registry(names: readonly string[] = ['A', 'B']): HandlerRegistry {
  const handlers = new HandlerRegistry();
  for (const name of names) handlers.register(name, () => name);
  return handlers;
}

function parse(text: string, options: Partial<YamlTemplateOptions> = {}): TaskTemplate {
  return parseTemplate(text, 'task.yaml', { handlers: registry(), ...options });
}

function failure(run: () => unknown): TaskerError {
  try {
    run();
  } catch (error) {
    if (isTaskerError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A task with steps a and b, and lines put in. */
function task({ top = '', a = '', b = '' }: { top?: string; a?: string; b?: string }): string {
  return `name: t
task_handler_class: T
default_dependent_system: shop
${top}
step_templates:
  - name: a
    handler_class: A
${a}
  - name: b
    handler_class: B
${b}
`;
}

describe('example templates', () => {
  it('load as the samples whose shape they have', async () => {
    const handlers = registry(EXAMPLE_HANDLERS);
    const templates = await loadTemplates(EXAMPLES, { handlers });
    expect(templates.map(({ namespace, name }) => `${namespace}.${name}`)).toEqual([
      'customer_success.process_refund',
      'api_tests.api_task/integration_yaml_example',
      'ecommerce.ecommerce/order_processing',
      'payments.process_refund',
      'ecommerce.process_order',
    ]);
    for (const template of templates) {
      const sample = SAMPLE_WORKFLOWS.find(
        ({ namespace, name, version }) =>
          namespace === template.namespace &&
          name === template.name &&
          version === template.version,
      );
      const steps = (sample?.steps ?? []).map(
        ({ name, dependsOn: after, retryLimit: limit, retryable, skippable }) => ({
          name,
          after,
          retry: { limit },
          retryable,
          skippable,
          handler: () => 1,
        }),
      );
      const twin = createTemplate({ ...sample, name: 'twin', steps });
      expect(template.hash).toBe(twin.hash);
      expect(template.source?.file).toContain(EXAMPLES);
    }
  });

  it.each([
    ['development', 'http://localhost:3000/api/carts', { cart_id: 1, debug: true }],
    ['production', 'https://api.example.com/carts', { cart_id: 1, api_key: '${API_KEY}' }],
    [undefined, 'https://api.example.com/carts', { cart_id: 1 }],
    ['staging', 'https://api.example.com/carts', { cart_id: 1 }],
  ])('merge the environment %s deeply', async (environment, url, params) => {
    const [template] = await loadTemplates(join(EXAMPLES, 'integration_yaml_example.yaml'), {
      handlers: registry(EXAMPLE_HANDLERS),
      ...(environment !== undefined && { environment }),
    });
    expect(template?.steps[0]?.config).toEqual({ type: 'api', url, params });
    expect(template?.steps.map(({ name }) => name)).toEqual([
      'fetch_cart',
      'fetch_products',
      'validate_products',
      'create_order',
      'publish_event',
    ]);
  });

  it('let an environment change limits, and aliases share settings', async () => {
    const path = join(EXAMPLES, 'order_processing.yaml');
    const handlers = registry(EXAMPLE_HANDLERS);
    const [template] = await loadTemplates(path, { handlers, environment: 'production' });
    expect(template?.steps[3]).toMatchObject({
      retryLimit: 4,
      config: { type: 'api', method: 'POST', timeout: 30, url: 'https://api.example.com/orders' },
    });
  });
});

describe('parseTemplate', () => {
  it('fills in the defaults and keeps what the engine reads', () => {
    const handlers = registry().registerTask('M::T', { updateAnnotations: () => [] });
    handlers.register('C', { module: 'file:///c.js', export: 'c' });
    const template = parse(
      task({
        top: 'namespace_name: n\nversion: 1.2.3\nmodule_namespace: M\ndescription: d',
        a: `    thread: yes
    timeout_seconds: 1.5
    circuit_breaker: bank
    default_retryable: off
    custom_events: [{ name: shop.sold }]
    retry:
      backoff: { strategy: exponential, initial_seconds: 0.5, max_seconds: 9 }
      by_error: { Declined: never, Busy: { strategy: list, seconds: [1, 2] } }`,
        b: '    depends_on_step: a\n    depends_on_steps: [a]\n    skippable: true',
      }).replace('handler_class: A', 'handler_class: C'),
      { handlers },
    );
    expect(template).toMatchObject({
      namespace: 'n',
      name: 't',
      version: '1.2.3',
      description: 'd',
      taskHandlerClass: 'T',
      source: { file: 'task.yaml', line: 1 },
      hooks: { updateAnnotations: expect.any(Function) },
    });
    expect(template.steps).toMatchObject([
      {
        name: 'a',
        retryable: false,
        retryLimit: 3,
        thread: { module: 'file:///c.js', export: 'c' },
        timeoutSeconds: 1.5,
        circuitBreaker: 'bank',
        config: null,
        handlerName: 'C',
        dependentSystem: 'shop',
        customEvents: [{ name: 'shop.sold', description: 'Custom event shop.sold' }],
        retry: {
          backoff: { strategy: 'exponential', initialSeconds: 0.5, maxSeconds: 9 },
          byError: { Declined: 'never', Busy: { strategy: 'list', seconds: [1, 2] } },
        },
      },
      { name: 'b', dependsOn: ['a'], dependsOnStep: 'a', skippable: true, description: 'b' },
    ]);
  });

  it.each([
    ['a tab', 'name: t\n\tx: 1\n', 'task.yaml:2:1:'],
    ['a key twice', 'name: t\nname: u\n', 'task.yaml:2:1: Map keys must be unique'],
    ['no mapping', '- a\n', 'task.yaml:1:1: must be a mapping'],
    ['nothing', '', 'task.yaml:1:1: must be a mapping'],
    ['no steps', 'name: t\ntask_handler_class: T\n', 'task.yaml:1:1: lacks step_templates'],
    ['a number', task({ top: 'version: 1.0' }), 'task.yaml:4:10: version must be string, not the'],
    [
      'a list',
      task({ a: '    depends_on_step: [b]' }),
      'step_templates[0].depends_on_step must be',
    ],
    ['an unknown parent', task({ b: '    depends_on_steps: [a, c]' }), 'task.yaml:11:27: step'],
    ['a name twice', task({}).replace('name: b', 'name: a'), 'task.yaml:9:11: step_templates[1]'],
    ['a long name', task({}).replace('name: b', `name: ${'b'.repeat(129)}`), 'has 129 characters'],
    [
      'an unnamed step',
      task({ top: 'named_steps: [a]' }),
      'task.yaml:9:11: step_templates[1].name',
    ],
    [
      'a thread without a module',
      task({ a: '    thread: true' }),
      'task.yaml:8:13: step_templates',
    ],
    ['no system', task({}).replace('default_dependent_system: shop', ''), 'lacks dependent_system'],
    ['a bad schema', task({ top: 'schema: { type: objekt }' }), 'task.yaml:4:9: schema cannot be'],
    [
      'a bad limit',
      task({ a: '    default_retry_limit: -1' }),
      'task.yaml:8:26: step_templates[0]',
    ],
    ['a strange alias', 'name: &n [*n]\n', 'task.yaml:1:11: the alias leads to nothing'],
    [
      'a wrong environment',
      task({ top: 'environments: { test: 1 }' }),
      'environments.test must be',
    ],
    ['a strategy', task({ a: '    retry: { backoff: { strategy: none } }' }), 'retry.backoff'],
    ['no seconds', task({ a: '    retry: { backoff: { strategy: list } }' }), 'lacks seconds'],
    ['a rule', task({ a: '    retry: { by_error: { E: nevr } }' }), 'retry.by_error.E must be'],
    ['an odd key', 'name: t\n? [a, b]\n: 1\n', 'task.yaml:2:3: a key must be plain text'],
    ['an odd merge', 'name: t\n<<: 3\n', 'task.yaml:2:1: only mappings can be merged'],
    ['a backoff key', task({ a: '    retry: { backof: 1 }' }), 'has an unknown key backof'],
  ])('refuses %s with its place', (_, text, message) => {
    const error = failure(() => parse(text));
    expect(error.code).toBe('TASKER_INVALID_TEMPLATE');
    expect(error.message).toContain(message);
    expect(error.data).toMatchObject({ file: 'task.yaml', line: expect.any(Number) });
  });

  it('names the circle, its file and its line', () => {
    const error = failure(() =>
      parse(task({ a: '    depends_on_step: b', b: '    depends_on_step: a' })),
    );
    expect(error.code).toBe('TASKER_CYCLE');
    expect(error.message).toContain('task.yaml:9:5: step_templates[1] the steps depend');
    expect(error.message).toContain('b → a → b');
  });

  it('names every unknown handler, and the nearest one', () => {
    const handlers = registry(['Alpha']);
    const text = task({}).replace('handler_class: A', 'handler_class: Alhpa');
    const error = failure(() => parse(text, { handlers }));
    expect(error.code).toBe('TASKER_UNKNOWN_HANDLER');
    expect(error.message).toContain('task.yaml:7:20: step_templates[0].handler_class');
    expect(error.message).toContain('Did you mean Alpha?');
    expect(error.data['problems']).toHaveLength(2);
  });

  it('places what an environment brought where it stands there', () => {
    const text = `${task({})}environments:
  test:
    step_templates:
      - name: b
        default_retry_limit: many
      - name: unknown
`;
    expect(parse(text).steps).toHaveLength(2);
    const error = failure(() => parse(text, { environment: 'test' }));
    expect(error.message).toContain('task.yaml:16:30: step_templates[1].default_retry_limit must');
  });

  it('keeps handlers from changing what the next attempt is given', () => {
    const template = parse(task({ a: '    handler_config: { list: [{ x: 1 }] }' }));
    const config = template.steps[0]?.config as { list: { x: number }[] };
    expect(() => config.list.push({ x: 2 })).toThrow(TypeError);
    expect(() => Object.assign(config.list[0] as object, { x: 2 })).toThrow(TypeError);
  });

  it('reads words as Ruby does, and no dates', () => {
    const template = parse(
      task({
        a: '    handler_config: { a: yes, b: n, c: 2024-01-02, d: 0x1F, e: ~, __proto__: 1 }',
      }),
    );
    expect(JSON.stringify(template.steps[0]?.config)).toBe(
      '{"a":true,"b":"n","c":"2024-01-02","d":31,"e":null,"__proto__":1}',
    );
  });
});

describe('any text', () => {
  it('gives a template or a coded error with a place', async () => {
    const whole = await readFile(join(EXAMPLES, 'order_processing.yaml'), 'utf8');
    const handlers = registry(EXAMPLE_HANDLERS);
    const pieces = fc.oneof(
      fc.constantFrom(' ', '\n', '- ', ': ', '&api', '*api', '<<: ', '{', '[', '|', '"', '~', '0'),
      fc.string({ unit: 'binary', maxLength: 2 }),
    );
    const edit = fc.record({ at: fc.nat(whole.length), take: fc.nat(12), put: pieces });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = whole;
        for (const { at, take, put } of edits)
          text = text.slice(0, at) + put + text.slice(at + take);
        const outcome = (): unknown =>
          parseTemplate(text, 'f', { handlers, environment: 'production' });
        const data = placeOrTemplate(outcome);
        expect(data).toMatchObject({ file: 'f', line: expect.any(Number) });
      }),
      { numRuns: 400 },
    );
  });
});

function placeOrTemplate(parsing: () => unknown): unknown {
  try {
    return (parsing() as TaskTemplate).source;
  } catch (error) {
    if (!isTaskerError(error)) throw error;
    return error.data;
  }
}

describe('loadTemplates', () => {
  it('tells of every wrong file of a directory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tasker-templates-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'one.yaml'), 'name: 1');
    await writeFile(join(folder, 'two.yml'), task({ a: '    depends_on_step: a' }));
    await writeFile(join(folder, 'notes.txt'), 'not read');
    await expect(loadTemplates(folder, { handlers: registry() })).rejects.toMatchObject({
      code: 'TASKER_INVALID_TEMPLATE',
      message: expect.stringMatching(/one\.yaml:1:7: name must be string[^]*two\.yml:6:5/),
    });
    await rm(join(folder, 'one.yaml'));
    await expect(loadTemplates(folder, { handlers: registry() })).rejects.toMatchObject({
      code: 'TASKER_CYCLE',
    });
    const gone = loadTemplates(join(folder, 'gone'), { handlers: registry() });
    await expect(gone).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
  });
});
