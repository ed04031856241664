/**
 * The indexes of the shared tables beside their primary keys, as data, each marked as lean or not.
 *
 * The lean set holds every unique index and every index that a query of either engine needs, none that
 * another one covers, and none on a column that an attempt updates: one of those would cost every
 * step update its HOT path. The rails set is all of them, as the Rails engine creates them.
 */

/** Which indexes a new database gets. */
export type IndexSet = 'lean' | 'rails';

/** One index; `columns` are its keys in order. */
export interface IndexDefinition {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: true;
  readonly method?: 'gin';
  readonly operatorClass?: 'jsonb_path_ops';
  readonly include?: readonly string[];
  readonly where?: string;
  /** Kept in the lean set although not unique; unique indexes always are. */
  readonly lean?: true;
}

/** Indexes by table. */
export const RAILS_INDEXES: Readonly<Record<string, readonly IndexDefinition[]>> = {
  tasker_task_namespaces: [
    { name: 'task_namespaces_name_unique', columns: ['name'], unique: true },
    { name: 'task_namespaces_name_index', columns: ['name'] },
  ],
  tasker_named_tasks: [
    {
      name: 'named_tasks_namespace_name_version_unique',
      columns: ['task_namespace_id', 'name', 'version'],
      unique: true,
    },
    { name: 'named_tasks_configuration_gin_index', columns: ['configuration'], method: 'gin' },
    { name: 'named_tasks_name_index', columns: ['name'], lean: true },
    { name: 'named_tasks_task_namespace_id_index', columns: ['task_namespace_id'] },
    { name: 'named_tasks_version_index', columns: ['version'] },
  ],
  tasker_dependent_systems: [
    { name: 'dependent_systems_name_unique', columns: ['name'], unique: true },
    { name: 'dependent_systems_name_index', columns: ['name'] },
  ],
  tasker_named_steps: [
    { name: 'named_step_by_system_uniq', columns: ['dependent_system_id', 'name'], unique: true },
    { name: 'named_steps_dependent_system_id_index', columns: ['dependent_system_id'] },
    { name: 'named_steps_name_index', columns: ['name'], lean: true },
  ],
  tasker_named_tasks_named_steps: [
    {
      name: 'named_tasks_steps_ids_unique',
      columns: ['named_task_id', 'named_step_id'],
      unique: true,
    },
    { name: 'named_tasks_named_steps_named_step_id_index', columns: ['named_step_id'], lean: true },
    { name: 'named_tasks_named_steps_named_task_id_index', columns: ['named_task_id'] },
  ],
  tasker_tasks: [
    { name: 'index_tasks_on_identity_hash', columns: ['identity_hash'], unique: true },
    {
      name: 'idx_tasks_active_operations',
      columns: ['task_id'],
      where: 'complete = false OR complete IS NULL',
      lean: true,
    },
    {
      name: 'idx_tasks_active_workflow_summary',
      columns: ['task_id', 'complete'],
      where: 'complete = false OR complete IS NULL',
    },
    { name: 'idx_tasks_completion_status_created', columns: ['complete', 'created_at', 'task_id'] },
    { name: 'tasks_context_idx', columns: ['context'], method: 'gin' },
    {
      name: 'tasks_context_idx1',
      columns: ['context'],
      method: 'gin',
      operatorClass: 'jsonb_path_ops',
    },
    { name: 'tasks_identity_hash_index', columns: ['identity_hash'] },
    { name: 'tasks_named_task_id_index', columns: ['named_task_id'], lean: true },
    { name: 'tasks_requested_at_index', columns: ['requested_at'], lean: true },
    { name: 'tasks_source_system_index', columns: ['source_system'] },
    { name: 'tasks_tags_idx', columns: ['tags'], method: 'gin' },
    { name: 'tasks_tags_idx1', columns: ['tags'], method: 'gin', operatorClass: 'jsonb_path_ops' },
  ],
  tasker_workflow_steps: [
    {
      name: 'idx_steps_active_operations',
      columns: ['workflow_step_id', 'task_id'],
      where: 'processed = false OR processed IS NULL',
    },
    {
      name: 'idx_workflow_steps_task_grouping_active',
      columns: ['task_id', 'workflow_step_id'],
      where: 'processed = false OR processed IS NULL',
    },
    {
      name: 'idx_workflow_steps_task_readiness',
      columns: ['task_id', 'processed', 'workflow_step_id'],
      where: 'processed = false',
    },
    {
      name: 'index_workflow_steps_backoff_timing',
      columns: ['last_attempted_at', 'backoff_request_seconds'],
      where: 'backoff_request_seconds IS NOT NULL',
    },
    { name: 'index_workflow_steps_by_task', columns: ['task_id'] },
    {
      name: 'index_workflow_steps_processing_status',
      columns: ['task_id', 'processed', 'in_process'],
    },
    { name: 'index_workflow_steps_retry_logic', columns: ['attempts', 'retry_limit', 'retryable'] },
    { name: 'index_workflow_steps_retry_status', columns: ['attempts', 'retry_limit'] },
    {
      name: 'index_workflow_steps_task_and_id',
      columns: ['task_id', 'workflow_step_id'],
      lean: true,
    },
    { name: 'index_workflow_steps_task_and_step_id', columns: ['task_id', 'workflow_step_id'] },
    {
      name: 'index_workflow_steps_task_and_step_optimized',
      columns: ['task_id', 'workflow_step_id'],
    },
    {
      name: 'index_workflow_steps_task_covering',
      columns: ['task_id'],
      include: ['workflow_step_id', 'processed', 'in_process', 'attempts', 'retry_limit'],
    },
    { name: 'workflow_steps_last_attempted_at_index', columns: ['last_attempted_at'] },
    { name: 'workflow_steps_named_step_id_index', columns: ['named_step_id'], lean: true },
    { name: 'workflow_steps_processed_at_index', columns: ['processed_at'] },
    { name: 'workflow_steps_task_id_index', columns: ['task_id'] },
  ],
  tasker_workflow_step_edges: [
    { name: 'idx_step_edges_from_to', columns: ['from_step_id', 'to_step_id'] },
    { name: 'idx_step_edges_to_from', columns: ['to_step_id', 'from_step_id'] },
    { name: 'idx_workflow_step_edges_dependency_lookup', columns: ['to_step_id', 'from_step_id'] },
    { name: 'index_step_edges_child_lookup', columns: ['to_step_id'] },
    { name: 'index_step_edges_dependency_pair', columns: ['to_step_id', 'from_step_id'] },
    { name: 'index_step_edges_from_step_for_children', columns: ['from_step_id'] },
    {
      name: 'index_step_edges_from_to_composite',
      columns: ['from_step_id', 'to_step_id'],
      lean: true,
    },
    { name: 'index_step_edges_parent_lookup', columns: ['from_step_id'] },
    {
      name: 'index_step_edges_to_from_composite',
      columns: ['to_step_id', 'from_step_id'],
      lean: true,
    },
    { name: 'index_step_edges_to_step_for_parents', columns: ['to_step_id'] },
    { name: 'index_tasker_workflow_step_edges_on_from_step_id', columns: ['from_step_id'] },
    { name: 'index_tasker_workflow_step_edges_on_to_step_id', columns: ['to_step_id'] },
    {
      name: 'index_workflow_step_edges_dependency_lookup',
      columns: ['to_step_id', 'from_step_id'],
    },
  ],
  tasker_task_transitions: [
    {
      name: 'index_tasker_task_transitions_on_task_id_and_most_recent',
      columns: ['task_id', 'most_recent'],
      unique: true,
      where: 'most_recent = true',
    },
    {
      name: 'index_tasker_task_transitions_on_task_id_and_sort_key',
      columns: ['task_id', 'sort_key'],
      unique: true,
    },
    {
      name: 'idx_task_transitions_most_recent',
      columns: ['task_id', 'most_recent'],
      where: 'most_recent = true',
    },
    { name: 'index_task_transitions_current_state', columns: ['task_id', 'created_at'] },
    {
      name: 'index_task_transitions_current_state_optimized',
      columns: ['task_id', 'most_recent'],
      where: 'most_recent = true',
    },
    { name: 'index_tasker_task_transitions_on_sort_key', columns: ['sort_key'] },
    { name: 'index_tasker_task_transitions_on_task_id', columns: ['task_id'] },
  ],
  tasker_workflow_step_transitions: [
    {
      name: 'idx_on_workflow_step_id_most_recent_97d5374ad6',
      columns: ['workflow_step_id', 'most_recent'],
      unique: true,
      where: 'most_recent = true',
    },
    {
      name: 'idx_on_workflow_step_id_sort_key_4d476d7adb',
      columns: ['workflow_step_id', 'sort_key'],
      unique: true,
    },
    {
      name: 'idx_step_transitions_current_state',
      columns: ['workflow_step_id', 'most_recent', 'to_state'],
      where: 'most_recent = true',
      lean: true,
    },
    {
      name: 'idx_step_transitions_most_recent',
      columns: ['workflow_step_id', 'most_recent'],
      where: 'most_recent = true',
    },
    {
      name: 'index_step_transitions_completed',
      columns: ['workflow_step_id', 'to_state'],
      where: "to_state = 'complete'",
    },
    {
      name: 'index_step_transitions_completed_parents',
      columns: ['workflow_step_id', 'most_recent'],
      where: "to_state IN ('complete','resolved_manually') AND most_recent = true",
    },
    {
      name: 'index_step_transitions_current_errors',
      columns: ['workflow_step_id', 'most_recent', 'created_at'],
      where: "to_state = 'error' AND most_recent = true",
      lean: true,
    },
    {
      name: 'index_step_transitions_current_state_optimized',
      columns: ['workflow_step_id', 'most_recent'],
      where: 'most_recent = true',
    },
    {
      name: 'index_step_transitions_failures_with_timing',
      columns: ['workflow_step_id', 'to_state', 'created_at'],
      where: "to_state = 'failed'",
    },
    {
      name: 'index_step_transitions_for_current_state',
      columns: ['workflow_step_id', 'created_at'],
    },
    { name: 'index_tasker_workflow_step_transitions_on_sort_key', columns: ['sort_key'] },
    {
      name: 'index_tasker_workflow_step_transitions_on_workflow_step_id',
      columns: ['workflow_step_id'],
    },
  ],
  tasker_annotation_types: [
    { name: 'annotation_types_name_unique', columns: ['name'], unique: true },
    { name: 'annotation_types_name_index', columns: ['name'] },
  ],
  tasker_task_annotations: [
    { name: 'task_annotations_annotation_idx', columns: ['annotation'], method: 'gin' },
    {
      name: 'task_annotations_annotation_idx1',
      columns: ['annotation'],
      method: 'gin',
      operatorClass: 'jsonb_path_ops',
      lean: true,
    },
    {
      name: 'task_annotations_annotation_type_id_index',
      columns: ['annotation_type_id'],
      lean: true,
    },
    { name: 'task_annotations_task_id_index', columns: ['task_id'], lean: true },
  ],
  tasker_dependent_system_object_maps: [
    {
      name: 'dependent_system_object_maps_dependent_system_one_id_dependent_',
      columns: [
        'dependent_system_one_id',
        'dependent_system_two_id',
        'remote_id_one',
        'remote_id_two',
      ],
      unique: true,
    },
    {
      name: 'dependent_system_object_maps_dependent_system_one_id_index',
      columns: ['dependent_system_one_id'],
    },
    {
      name: 'dependent_system_object_maps_dependent_system_two_id_index',
      columns: ['dependent_system_two_id'],
      lean: true,
    },
    {
      name: 'dependent_system_object_maps_remote_id_one_index',
      columns: ['remote_id_one'],
      lean: true,
    },
    {
      name: 'dependent_system_object_maps_remote_id_two_index',
      columns: ['remote_id_two'],
      lean: true,
    },
  ],
};

/** True when a new database with the lean set gets this index. */
function isLean(index: IndexDefinition): boolean {
  return index.unique === true || index.lean === true;
}

/** The indexes of one table in the given set. */
export function indexesOf(table: string, set: IndexSet): readonly IndexDefinition[] {
  const all = RAILS_INDEXES[table] ?? [];
  return set === 'rails' ? all : all.filter(isLean);
}

/** The statement that creates the index. */
export function createIndexStatement(table: string, index: IndexDefinition): string {
  const operatorClass = index.operatorClass === undefined ? '' : ` ${index.operatorClass}`;
  return [
    `CREATE ${index.unique === true ? 'UNIQUE ' : ''}INDEX ${index.name} ON ${table}`,
    ` USING ${index.method ?? 'btree'} (${index.columns.join(', ')}${operatorClass})`,
    index.include === undefined ? '' : ` INCLUDE (${index.include.join(', ')})`,
    index.where === undefined ? '' : ` WHERE ${index.where}`,
  ].join('');
}
