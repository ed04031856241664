import { chain, type SampleWorkflow, sampleWorkflow, type StepSketch } from './sample-workflow.ts';

const named = (name: string, steps: Readonly<Record<string, StepSketch>>): SampleWorkflow =>
  sampleWorkflow(
    { namespace: 'default', name, version: '0.1.0', dependentSystem: 'unknown' },
    steps,
  );

const fails = (...failures: NonNullable<StepSketch['failures']>): StepSketch => ({ failures });

/** The samples with injected failures: one shape each, and each succeeds within its attempts. */
export const FAILURE_WORKFLOWS: readonly SampleWorkflow[] = [
  named(
    'linear_workflow_task',
    chain({
      initialize_data: {},
      validate_input: {},
      process_data: fails('error'),
      transform_results: {},
      validate_output: {},
      finalize_workflow: {},
    }),
  ),
  named('diamond_workflow_task', {
    start_workflow: {},
    branch_one_process: { after: ['start_workflow'], ...fails('error') },
    branch_two_process: { after: ['start_workflow'], ...fails('timeout') },
    branch_one_validate: { after: ['branch_one_process'] },
    branch_two_validate: { after: ['branch_two_process'] },
    merge_branches: { after: ['branch_one_validate', 'branch_two_validate'] },
    end_workflow: { after: ['merge_branches'] },
  }),
  named('parallel_merge_workflow_task', {
    fetch_user_data: {},
    fetch_order_data: fails('error'),
    fetch_inventory_data: fails('timeout'),
    fetch_pricing_data: {},
    process_user_data: { after: ['fetch_user_data'] },
    process_order_data: { after: ['fetch_order_data'] },
    merge_all_data: {
      after: [
        'process_user_data',
        'process_order_data',
        'fetch_inventory_data',
        'fetch_pricing_data',
      ],
      ...fails('error'),
    },
  }),
  named('tree_workflow_task', {
    root_initialization: {},
    branch_a_setup: { after: ['root_initialization'] },
    branch_b_setup: { after: ['root_initialization'], ...fails('error') },
    branch_a_task_one: { after: ['branch_a_setup'] },
    branch_a_task_two: { after: ['branch_a_setup'], ...fails('timeout') },
    branch_b_task_one: { after: ['branch_b_setup'] },
    branch_b_task_two: { after: ['branch_b_setup'], ...fails('error') },
    aggregate_results: {
      after: ['branch_a_task_one', 'branch_a_task_two', 'branch_b_task_one', 'branch_b_task_two'],
    },
  }),
  named('mixed_workflow_task', {
    init_auth: {},
    init_config: {},
    validate_permissions: { after: ['init_auth'], ...fails('error') },
    setup_environment: { after: ['init_config'], ...fails('timeout') },
    begin_processing: { after: ['validate_permissions', 'setup_environment'] },
    process_critical_data: { after: ['begin_processing'], ...fails('error', 'error') },
    process_optional_data: { after: ['begin_processing'] },
    cleanup_temp_files: { after: ['setup_environment'] },
    finalize_and_report: { after: ['process_critical_data', 'cleanup_temp_files'] },
  }),
  named(
    'configurable_failure_task',
    chain({
      reliable_step: {},
      flaky_step: fails('error', 'error'),
      timeout_step: fails('timeout'),
      idempotent_step: {},
    }),
  ),
];
