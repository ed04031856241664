import type { ContextRow, LevelRow, ReadinessRow } from '../../src/graph/kernels/answer-rows.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import {
  resolveTasks,
  type ResolveTasksOptions,
  type RunSummary,
} from '../../src/resolver/resolve-tasks.ts';
import type { ChunkResult } from '../../src/resolver/chunk-result.ts';
import { rowsSource, type RowsInput } from '../../src/resolver/sources/rows-source.ts';
import type { SnapshotSource } from '../../src/graph/snapshot/snapshot-source.ts';

/** All rows of a run. */
export interface Answers {
  readonly readiness: ReadinessRow[];
  readonly contexts: ContextRow[];
  readonly levels: LevelRow[];
  readonly ready: bigint[];
  readonly chunks: ChunkResult[];
  readonly summary: RunSummary;
}

/** Runs a source to its end and decodes every row. */
export async function answersOf(
  source: SnapshotSource,
  options: ResolveTasksOptions,
): Promise<Answers> {
  const run = resolveTasks(source, options);
  const readiness: ReadinessRow[] = [];
  const contexts: ContextRow[] = [];
  const levels: LevelRow[] = [];
  const ready: bigint[] = [];
  const chunks: ChunkResult[] = [];
  for await (const chunk of run) {
    chunks.push(chunk);
    for (const row of chunk.readiness()) readiness.push(row);
    for (const row of chunk.contexts()) contexts.push(row);
    for (const row of chunk.levels()) levels.push(row);
    for (const id of chunk.readyStepIds()) ready.push(id);
  }
  return { readiness, contexts, levels, ready, chunks, summary: run.summary() };
}

/** Rows in memory as one snapshot. */
export async function snapshotOf(input: RowsInput): Promise<GraphSnapshot> {
  const stream = await rowsSource(input).open({
    chunkSteps: Infinity,
    signal: undefined,
    onProgress: undefined,
  });
  for await (const snapshot of stream) return snapshot;
  throw new Error('the input holds no task');
}

/** Rows as text that two runs can be compared by; bigint keeps its digits. */
export function printed(rows: readonly unknown[]): string[] {
  return rows.map((row) =>
    JSON.stringify(row, (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    ),
  );
}
