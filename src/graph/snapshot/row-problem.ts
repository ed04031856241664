/** The row as the subject of a message; `id` where it was read. */
export function rowOf(table: RowProblem['table'], id: bigint | undefined): string {
  return id === undefined ? `A row of ${table}` : `Row ${id} of ${table}`;
}

/** A row that contradicts the others; `refused` rows take their task out of the answers. */
export interface RowProblem {
  readonly code: 'TASKER_BAD_ROW' | 'TASKER_DANGLING_EDGE' | 'TASKER_UNKNOWN_TASK';
  readonly message: string;
  readonly table: 'tasks' | 'steps' | 'edges' | 'step_transitions' | 'task_transitions';
  /** Id of the row, or of the row it is about. */
  readonly id: bigint;
  readonly taskId: bigint | undefined;
  readonly refused: boolean;
}
