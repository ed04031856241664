# frozen_string_literal: true

# Samples 2 and 12 to 17 of the contract: parents of each step, and failures before its first success.
module Samples
  CHAIN = ->(names) { names.each_with_index.to_h { |name, at| [name, at.zero? ? [] : [names[at - 1]]] } }

  STEPS = {
    "customer_analytics" => {
      "extract_orders" => [], "extract_users" => [], "extract_products" => [],
      "transform_customer_metrics" => %w[extract_orders extract_users],
      "transform_product_metrics" => %w[extract_orders extract_products],
      "generate_insights" => %w[transform_customer_metrics transform_product_metrics],
      "update_dashboard" => %w[generate_insights], "send_notifications" => %w[update_dashboard]
    },
    "linear_workflow_task" => CHAIN.call(%w[
      initialize_data validate_input process_data transform_results validate_output finalize_workflow
    ]),
    "diamond_workflow_task" => {
      "start_workflow" => [], "branch_one_process" => %w[start_workflow], "branch_two_process" => %w[start_workflow],
      "branch_one_validate" => %w[branch_one_process], "branch_two_validate" => %w[branch_two_process],
      "merge_branches" => %w[branch_one_validate branch_two_validate], "end_workflow" => %w[merge_branches]
    },
    "parallel_merge_workflow_task" => {
      "fetch_user_data" => [], "fetch_order_data" => [], "fetch_inventory_data" => [], "fetch_pricing_data" => [],
      "process_user_data" => %w[fetch_user_data], "process_order_data" => %w[fetch_order_data],
      "merge_all_data" => %w[process_user_data process_order_data fetch_inventory_data fetch_pricing_data]
    },
    "tree_workflow_task" => {
      "root_initialization" => [],
      "branch_a_setup" => %w[root_initialization], "branch_b_setup" => %w[root_initialization],
      "branch_a_task_one" => %w[branch_a_setup], "branch_a_task_two" => %w[branch_a_setup],
      "branch_b_task_one" => %w[branch_b_setup], "branch_b_task_two" => %w[branch_b_setup],
      "aggregate_results" => %w[branch_a_task_one branch_a_task_two branch_b_task_one branch_b_task_two]
    },
    "mixed_workflow_task" => {
      "init_auth" => [], "init_config" => [], "validate_permissions" => %w[init_auth],
      "setup_environment" => %w[init_config], "begin_processing" => %w[validate_permissions setup_environment],
      "process_critical_data" => %w[begin_processing], "process_optional_data" => %w[begin_processing],
      "cleanup_temp_files" => %w[setup_environment],
      "finalize_and_report" => %w[process_critical_data cleanup_temp_files]
    },
    "configurable_failure_task" => CHAIN.call(%w[reliable_step flaky_step timeout_step idempotent_step])
  }.freeze

  FAILURES = {
    "process_data" => 1, "branch_one_process" => 1, "branch_two_process" => 1, "fetch_order_data" => 1,
    "fetch_inventory_data" => 1, "merge_all_data" => 1, "branch_b_setup" => 1, "branch_a_task_two" => 1,
    "branch_b_task_two" => 1, "validate_permissions" => 1, "setup_environment" => 1,
    "process_critical_data" => 2, "flaky_step" => 2, "timeout_step" => 1
  }.freeze

  # Stores a task as the Rails engine lays one out; returns its id.
  def self.create(pg, name, steps = STEPS.fetch(name), retry_limit: 3)
    pg.transaction do
      one = ->(sql, *values) { pg.exec_params(sql, values).getvalue(0, 0).to_i }
      space = one.call("INSERT INTO tasker_task_namespaces (name, created_at, updated_at) VALUES ('ruby_tests', now(), now())
        ON CONFLICT (name) DO UPDATE SET updated_at = now() RETURNING task_namespace_id")
      system = one.call("INSERT INTO tasker_dependent_systems (name, created_at, updated_at) VALUES ('ruby_tests', now(), now())
        ON CONFLICT (name) DO UPDATE SET updated_at = now() RETURNING dependent_system_id")
      named = one.call("INSERT INTO tasker_named_tasks (task_namespace_id, name, created_at, updated_at) VALUES ($1, $2, now(), now())
        ON CONFLICT (task_namespace_id, name, version) DO UPDATE SET updated_at = now() RETURNING named_task_id", space, name)
      task = one.call("INSERT INTO tasker_tasks (named_task_id, requested_at, context, identity_hash, created_at, updated_at)
        VALUES ($1, now(), '{\"order\": 4711}', gen_random_uuid(), now(), now()) RETURNING task_id", named)
      ids = steps.keys.to_h do |step|
        named_step = one.call("INSERT INTO tasker_named_steps (dependent_system_id, name, created_at, updated_at) VALUES ($1, $2, now(), now())
          ON CONFLICT (dependent_system_id, name) DO UPDATE SET updated_at = now() RETURNING named_step_id", system, step)
        [step, one.call("INSERT INTO tasker_workflow_steps (task_id, named_step_id, retry_limit, attempts, results, created_at, updated_at)
          VALUES ($1, $2, $3, 0, '{}', now(), now()) RETURNING workflow_step_id", task, named_step, retry_limit)]
      end
      steps.each do |child, parents|
        parents.each do |parent|
          pg.exec_params("INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
            VALUES ($1, $2, 'provides', now(), now())", ids.values_at(parent, child))
        end
      end
      task
    end
  end
end
