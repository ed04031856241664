import type { JsonSchema } from '../../templates/context-schema.ts';

/** The schema of a sample's context, if it has one, and a context that fits. */
export interface SampleContext {
  readonly schema?: JsonSchema;
  readonly example: Readonly<Record<string, unknown>>;
}

const text = { type: 'string' } as const;
const integer = { type: 'integer' } as const;
const amount = { type: 'number', minimum: 0 } as const;

/** Contexts by `namespace.name`; what is not here takes any object. */
const CONTEXTS: Readonly<Record<string, SampleContext>> = {
  'ecommerce.process_order': {
    schema: {
      type: 'object',
      required: ['cart_items', 'payment_info', 'customer_info'],
      properties: {
        cart_items: {
          type: 'array',
          items: {
            type: 'object',
            required: ['product_id', 'quantity', 'price'],
            properties: {
              product_id: integer,
              quantity: { type: 'integer', minimum: 1 },
              price: amount,
              name: text,
            },
          },
        },
        payment_info: {
          type: 'object',
          required: ['method', 'amount', 'currency'],
          properties: {
            method: { enum: ['credit_card', 'debit_card', 'paypal', 'bank_transfer'] },
            amount,
            currency: { enum: ['USD', 'EUR', 'GBP'] },
            card_last_four: text,
            token: text,
          },
        },
        customer_info: {
          type: 'object',
          required: ['email', 'name'],
          properties: {
            email: { type: 'string', format: 'email' },
            name: text,
            id: integer,
            tier: { enum: ['standard', 'premium', 'enterprise'] },
            phone: text,
          },
        },
        shipping_info: { type: 'object' },
        priority: { enum: ['standard', 'express', 'overnight'], default: 'standard' },
      },
    },
    example: {
      cart_items: [
        { product_id: 1, quantity: 2, price: 29.99, name: 'Keyboard cover' },
        { product_id: 7, quantity: 1, price: 40.02 },
      ],
      payment_info: { method: 'credit_card', amount: 100, currency: 'USD', token: 'tok_ok' },
      customer_info: { email: 'ada@example.com', name: 'Ada', tier: 'premium' },
      priority: 'express',
    },
  },
  'blog_examples.customer_analytics': {
    schema: {
      type: 'object',
      required: ['date_range'],
      properties: {
        date_range: {
          type: 'object',
          required: ['start_date', 'end_date'],
          properties: {
            start_date: { type: 'string', format: 'date' },
            end_date: { type: 'string', format: 'date' },
          },
        },
        force_refresh: { type: 'boolean', default: false },
        notification_channels: { type: 'array', items: text, default: ['#data-team'] },
        processing_mode: { enum: ['standard', 'high_memory', 'distributed'], default: 'standard' },
        quality_thresholds: { type: 'object' },
      },
    },
    example: { date_range: { start_date: '2026-01-01', end_date: '2026-01-07' } },
  },
  'blog_examples.user_registration': {
    schema: {
      type: 'object',
      required: ['user_info'],
      properties: {
        user_info: {
          type: 'object',
          required: ['email', 'name'],
          properties: {
            email: { type: 'string', format: 'email' },
            name: text,
            plan: { enum: ['free', 'pro', 'enterprise'], default: 'free' },
            phone: text,
            referral_code: text,
            company: text,
          },
        },
        correlation_id: text,
      },
    },
    example: { user_info: { email: 'grace@example.com', name: 'Grace', plan: 'pro' } },
  },
  'payments.process_refund': {
    schema: {
      type: 'object',
      required: ['payment_id', 'refund_amount'],
      properties: {
        payment_id: text,
        refund_amount: amount,
        refund_reason: { enum: ['customer_request', 'fraud', 'system_error', 'chargeback'] },
        partial_refund: { type: 'boolean', default: false },
        correlation_id: text,
      },
    },
    example: { payment_id: 'pay_123', refund_amount: 99.99, refund_reason: 'customer_request' },
  },
  'customer_success.process_refund': {
    schema: {
      type: 'object',
      required: ['ticket_id', 'customer_id', 'refund_amount'],
      properties: {
        ticket_id: text,
        customer_id: text,
        refund_amount: amount,
        refund_reason: text,
        agent_notes: text,
        requires_approval: { type: 'boolean', default: true },
        correlation_id: text,
        customer_email: { type: 'string', format: 'email' },
        payment_id: text,
      },
    },
    example: {
      ticket_id: 'T-98765',
      customer_id: 'C-54321',
      refund_amount: 75.5,
      payment_id: 'pay_123',
    },
  },
  'blog_examples.monitored_checkout': { example: { cart_id: 'cart_1' } },
  'api_tests.api_task/integration_yaml_example': {
    schema: { type: 'object', required: ['cart_id'], properties: { cart_id: integer } },
    example: { cart_id: 1 },
  },
  'ecommerce.ecommerce/order_processing': {
    schema: {
      type: 'object',
      required: ['cart_id'],
      properties: { cart_id: integer, user_id: integer },
    },
    example: { cart_id: 123, user_id: 456 },
  },
  'inventory.inventory/stock_management': {
    schema: {
      type: 'object',
      required: ['threshold'],
      properties: { threshold: integer, category: text },
    },
    example: { threshold: 10, category: 'books' },
  },
  'customer.customer/user_onboarding': {
    schema: {
      type: 'object',
      required: ['email', 'username'],
      properties: { email: text, username: text, firstName: text, lastName: text },
    },
    example: { email: 'alan@example.com', username: 'alan', firstName: 'Alan', lastName: 'T' },
  },
  'default.dummy_task': {
    schema: { type: 'object', required: ['dummy'], properties: { dummy: { type: 'boolean' } } },
    example: { dummy: true },
  },
};

/** Schema and example of a sample's context. */
export function sampleContext(namespace: string, name: string): SampleContext {
  return CONTEXTS[`${namespace}.${name}`] ?? { example: { batch_id: 'sample' } };
}
