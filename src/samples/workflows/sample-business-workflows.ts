import { chain, type SampleWorkflow, sampleWorkflow } from './sample-workflow.ts';

/** Orders, refunds, registrations and reports: the samples that stand for real work. */
export const BUSINESS_WORKFLOWS: readonly SampleWorkflow[] = [
  sampleWorkflow(
    {
      namespace: 'ecommerce',
      name: 'process_order',
      version: '1.0.0',
      dependentSystem: 'ecommerce_platform',
    },
    chain({
      validate_cart: {},
      process_payment: {},
      update_inventory: { retryLimit: 2 },
      create_order: {},
      send_confirmation: { retryLimit: 5 },
    }),
  ),
  sampleWorkflow(
    {
      namespace: 'blog_examples',
      name: 'customer_analytics',
      version: '1.0.0',
      dependentSystem: 'analytics_system',
    },
    {
      extract_orders: {},
      extract_users: { retryLimit: 5 },
      extract_products: {},
      transform_customer_metrics: { after: ['extract_orders', 'extract_users'], retryLimit: 2 },
      transform_product_metrics: { after: ['extract_orders', 'extract_products'], retryLimit: 2 },
      generate_insights: { after: ['transform_customer_metrics', 'transform_product_metrics'] },
      update_dashboard: { after: ['generate_insights'] },
      send_notifications: { after: ['update_dashboard'], retryLimit: 5 },
    },
  ),
  sampleWorkflow(
    {
      namespace: 'blog_examples',
      name: 'user_registration',
      version: '1.0.0',
      dependentSystem: 'user_management_system',
    },
    {
      create_user_account: {},
      setup_billing_profile: { after: ['create_user_account'] },
      initialize_preferences: { after: ['create_user_account'] },
      send_welcome_sequence: {
        after: ['setup_billing_profile', 'initialize_preferences'],
        retryLimit: 5,
      },
      update_user_status: { after: ['send_welcome_sequence'], retryLimit: 2 },
    },
  ),
  sampleWorkflow(
    {
      namespace: 'payments',
      name: 'process_refund',
      version: '2.1.0',
      dependentSystem: 'payment_gateway',
    },
    chain({
      validate_payment_eligibility: {},
      process_gateway_refund: { retryLimit: 2 },
      update_payment_records: {},
      notify_customer: { retryLimit: 5 },
    }),
  ),
  sampleWorkflow(
    {
      namespace: 'customer_success',
      name: 'process_refund',
      version: '1.3.0',
      dependentSystem: 'customer_service_platform',
    },
    chain({
      validate_refund_request: {},
      check_refund_policy: { retryLimit: 2 },
      get_manager_approval: { retryLimit: 1 },
      execute_refund_workflow: {},
      update_ticket_status: {},
    }),
  ),
  sampleWorkflow(
    {
      namespace: 'blog_examples',
      name: 'monitored_checkout',
      version: '1.0.0',
      dependentSystem: 'ecommerce_platform',
    },
    chain({
      validate_cart: { retryLimit: 2 },
      process_payment: {},
      update_inventory: { retryLimit: 2 },
      create_order: { retryLimit: 2 },
      send_confirmation: {},
    }),
  ),
  sampleWorkflow(
    {
      namespace: 'api_tests',
      name: 'api_task/integration_yaml_example',
      version: '0.1.0',
      dependentSystem: 'ecommerce_system',
    },
    {
      fetch_cart: {},
      fetch_products: {},
      validate_products: { after: ['fetch_products', 'fetch_cart'] },
      create_order: { after: ['validate_products'] },
      publish_event: { after: ['create_order'] },
    },
  ),
  sampleWorkflow(
    {
      namespace: 'ecommerce',
      name: 'ecommerce/order_processing',
      version: '1.0.1',
      dependentSystem: 'ecommerce_system',
    },
    chain({
      validate_cart: {},
      check_inventory: {},
      calculate_pricing: {},
      create_order: { retryLimit: 2 },
    }),
  ),
  sampleWorkflow(
    {
      namespace: 'inventory',
      name: 'inventory/stock_management',
      version: '1.0.1',
      dependentSystem: 'inventory_system',
    },
    chain({ monitor_stock_levels: {}, identify_low_stock: {} }),
  ),
  sampleWorkflow(
    {
      namespace: 'customer',
      name: 'customer/user_onboarding',
      version: '1.0.1',
      dependentSystem: 'customer_system',
    },
    chain({ validate_registration_data: {}, check_duplicate_user: {} }),
  ),
  sampleWorkflow(
    { namespace: 'default', name: 'dummy_task', version: '0.1.0', dependentSystem: 'dummy-system' },
    { 'step-one': {}, ...chain({ 'step-two': {}, 'step-three': {}, 'step-four': {} }) },
  ),
];
