import type { TypedQueries } from './rows.ts';

/**
 * A shortest way along edges from one step to another: the steps in order, both ends included, or
 * undefined when there is none. A step reaches itself without an edge.
 *
 * One statement; it visits every step behind `from` once, cycles in stored rows notwithstanding.
 */
export async function findPath(
  queries: TypedQueries,
  from: bigint,
  to: bigint,
): Promise<bigint[] | undefined> {
  if (from === to) return [from];
  const edges = await queries
    .withRecursive('reached', (db) =>
      db
        .selectFrom('tasker_workflow_step_edges as edge')
        .select(['edge.fromStepId', 'edge.toStepId'])
        .where('edge.fromStepId', '=', from)
        .union(
          db
            .selectFrom('reached')
            .innerJoin('tasker_workflow_step_edges as edge', 'edge.fromStepId', 'reached.toStepId')
            .select(['edge.fromStepId', 'edge.toStepId']),
        ),
    )
    .selectFrom('reached')
    .select(['reached.fromStepId', 'reached.toStepId'])
    .execute();
  const outgoing = new Map<bigint, bigint[]>();
  for (const edge of edges) {
    const known = outgoing.get(edge.fromStepId);
    if (known === undefined) outgoing.set(edge.fromStepId, [edge.toStepId]);
    else known.push(edge.toStepId);
  }
  return shortestWay(outgoing, from, to);
}

function shortestWay(
  outgoing: ReadonlyMap<bigint, readonly bigint[]>,
  from: bigint,
  to: bigint,
): bigint[] | undefined {
  const cameFrom = new Map<bigint, bigint>();
  const queue = [from];
  for (const step of queue) {
    for (const child of outgoing.get(step) ?? []) {
      if (child === from || cameFrom.has(child)) continue;
      cameFrom.set(child, step);
      if (child === to) return wayBack(cameFrom, from, to);
      queue.push(child);
    }
  }
  return undefined;
}

function wayBack(cameFrom: ReadonlyMap<bigint, bigint>, from: bigint, to: bigint): bigint[] {
  const way = [to];
  for (let step = to; step !== from;) {
    step = cameFrom.get(step) ?? from;
    way.push(step);
  }
  return way.reverse();
}
