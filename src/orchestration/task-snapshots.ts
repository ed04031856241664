import type { DatabaseSession } from '../database/engine/engine-session.ts';
import { FEW_TASKS, loadFewTasks } from '../database/snapshot/few-tasks.ts';
import { databaseSource } from '../database/snapshot/snapshot-loader.ts';
import type { GraphSnapshot } from '../graph/snapshot/snapshot.ts';

/** Steps of one chunk of the load. */
const CHUNK_STEPS = 65_536;

/**
 * Snapshots of these tasks. One statement for a few of them, else a transaction with four COPYs for
 * each chunk; none without tasks.
 */
export async function readTaskSnapshots(
  client: DatabaseSession,
  ids: readonly bigint[],
): Promise<GraphSnapshot[]> {
  if (ids.length === 0) return [];
  if (ids.length <= FEW_TASKS) {
    const snapshot = await loadFewTasks(client, ids, true);
    if (snapshot !== undefined) return [snapshot];
  }
  const source = databaseSource({ clients: [client] }, { kind: 'ids', ids });
  const stream = await source.open({
    chunkSteps: CHUNK_STEPS,
    signal: undefined,
    onProgress: undefined,
  });
  const snapshots: GraphSnapshot[] = [];
  for await (const snapshot of stream) snapshots.push(snapshot);
  return snapshots;
}
