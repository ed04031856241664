import type { StepHandler, StepInvocation } from '../../templates/step-handler.ts';

interface OrderContext {
  readonly cart_items: readonly {
    readonly product_id: number;
    readonly quantity: number;
    readonly price: number;
  }[];
  readonly payment_info: {
    readonly method: string;
    readonly amount: number;
    readonly currency: string;
    readonly token?: string;
  };
  readonly customer_info: { readonly email: string; readonly name: string };
}

type Order<Results = Readonly<Record<never, never>>> = StepInvocation<OrderContext, Results>;

/** A failure that no repetition heals, by its name in the retry policy. */
class OrderRefused extends Error {
  override readonly name: string;

  constructor(name: 'InvalidCart' | 'PaymentDeclined', message: string) {
    super(message);
    this.name = name;
  }
}

/** Total in hundredths, so that sums are exact. */
interface ValidatedCart {
  readonly total_cents: number;
  readonly items: number;
}

function validateCart({ context }: Order): ValidatedCart {
  const { cart_items: items, payment_info: payment } = context;
  if (items.length === 0) throw new OrderRefused('InvalidCart', 'The cart is empty');
  const cents = items.reduce((sum, item) => sum + Math.round(item.price * 100) * item.quantity, 0);
  if (cents !== Math.round(payment.amount * 100)) {
    throw new OrderRefused(
      'InvalidCart',
      `The cart costs ${cents / 100}, the payment is ${payment.amount}`,
    );
  }
  return { total_cents: cents, items: items.length };
}

interface Payment {
  readonly payment_id: string;
  readonly charged_cents: number;
}

function processPayment({
  context,
  results,
  task,
}: Order<{ validate_cart: ValidatedCart }>): Payment {
  if (context.payment_info.token === 'tok_declined') {
    throw new OrderRefused('PaymentDeclined', 'The card was declined');
  }
  return { payment_id: `pay_${task.taskId}`, charged_cents: results.validate_cart.total_cents };
}

interface Reservation {
  readonly payment_id: string;
  readonly reserved: Readonly<Record<string, number>>;
}

function updateInventory({ context, results }: Order<{ process_payment: Payment }>): Reservation {
  const reserved = context.cart_items.map((item) => [`${item.product_id}`, item.quantity]);
  return {
    payment_id: results.process_payment.payment_id,
    reserved: Object.fromEntries(reserved) as Readonly<Record<string, number>>,
  };
}

interface CreatedOrder {
  readonly order_number: string;
  readonly payment_id: string;
}

function createOrder({ results, task }: Order<{ update_inventory: Reservation }>): CreatedOrder {
  return { order_number: `ORD-${task.taskId}`, payment_id: results.update_inventory.payment_id };
}

function sendConfirmation({ context, results }: Order<{ create_order: CreatedOrder }>): object {
  const { email, name } = context.customer_info;
  return { to: email, subject: `${name}, your order ${results.create_order.order_number}` };
}

/** The handlers of `ecommerce.process_order` by step, their types erased as a template holds them. */
export const PROCESS_ORDER = {
  validate_cart: validateCart,
  process_payment: processPayment,
  update_inventory: updateInventory,
  create_order: createOrder,
  send_confirmation: sendConfirmation,
} as unknown as Readonly<Record<string, StepHandler>>;

/** Which failures of an order are final. */
export const PROCESS_ORDER_RETRY = {
  byError: { InvalidCart: 'never', PaymentDeclined: 'never' },
} as const;
