import { sql } from 'kysely';

import { INITIAL_STATE } from '../../state-machine/states.ts';
import type { TaskState } from '../../state-machine/states.ts';
import type { PageRequest, Row, TypedQueries } from './rows.ts';
import { DEFAULT_NAMESPACE } from './task-namespace-repository.ts';
import { pageLimit, requireState } from './validation.ts';

type Found = Promise<[rows: Row<'tasker_tasks'>[], limit: number]>;

/** A namespace, or one name or one version in it. */
export interface TaskNameFilter {
  /** Default `default`. */
  readonly namespace?: string;
  readonly name?: string;
  readonly version?: string;
}

/** Tasks by what their named task is called; reads one row more than the page holds. */
export async function tasksByName(
  queries: TypedQueries,
  filter: TaskNameFilter,
  page: PageRequest,
): Found {
  const limit = pageLimit(page);
  let query = tasks(queries, page, limit)
    .innerJoin('tasker_named_tasks as kind', 'kind.namedTaskId', 'task.namedTaskId')
    .innerJoin(
      'tasker_task_namespaces as namespace',
      'namespace.taskNamespaceId',
      'kind.taskNamespaceId',
    )
    .where('namespace.name', '=', filter.namespace ?? DEFAULT_NAMESPACE);
  if (filter.name !== undefined) query = query.where('kind.name', '=', filter.name);
  if (filter.version !== undefined) query = query.where('kind.version', '=', filter.version);
  return [await query.selectAll('task').execute(), limit];
}

/** Tasks by current state; a task without a current transition is in the initial state. */
export async function tasksByState(
  queries: TypedQueries,
  state: TaskState,
  page: PageRequest,
): Found {
  requireState('state', state);
  const limit = pageLimit(page);
  const query = tasks(queries, page, limit)
    .leftJoin('tasker_task_transitions as transition', (join) =>
      join.onRef('transition.taskId', '=', 'task.taskId').on('transition.mostRecent', '=', true),
    )
    .where(({ eb, or }) =>
      state === INITIAL_STATE
        ? or([eb('transition.toState', '=', state), eb('transition.toState', 'is', null)])
        : eb('transition.toState', '=', state),
    );
  return [await query.selectAll('task').execute(), limit];
}

/**
 * Tasks by the text value of one top-level key of an annotation.
 *
 * The text may come from a string or from any other JSON value that is written so. Containment
 * narrows to those candidates by index, and the comparison of the text decides.
 */
export async function tasksByAnnotation(
  queries: TypedQueries,
  wanted: { readonly type: string; readonly key: string; readonly value: string },
  page: PageRequest,
): Found {
  const limit = pageLimit(page);
  const query = tasks(queries, page, limit).where(({ exists, selectFrom }) =>
    exists(
      selectFrom('tasker_task_annotations as note')
        .innerJoin(
          'tasker_annotation_types as type',
          'type.annotationTypeId',
          'note.annotationTypeId',
        )
        .select('note.taskAnnotationId')
        .whereRef('note.taskId', '=', 'task.taskId')
        .where('type.name', '=', wanted.type)
        .where(({ or, ref }) =>
          or(
            candidates(wanted.key, wanted.value).map(
              (candidate) => sql<boolean>`${ref('note.annotation')} @> ${candidate}::jsonb`,
            ),
          ),
        )
        .where(({ ref }) => sql`${ref('note.annotation')} ->> ${wanted.key}`, '=', wanted.value),
    ),
  );
  return [await query.selectAll('task').execute(), limit];
}

function tasks(queries: TypedQueries, page: PageRequest, limit: number) {
  const query = queries
    .selectFrom('tasker_tasks as task')
    .orderBy('task.taskId')
    .limit(limit + 1);
  return page.after === undefined ? query : query.where('task.taskId', '>', page.after);
}

/** JSON texts of which a matching annotation contains at least one. */
function candidates(key: string, value: string): string[] {
  const name = JSON.stringify(key);
  const asText = `{${name}:${JSON.stringify(value)}}`;
  // The text itself is kept: parsing and printing would round long numbers.
  return isJson(value) ? [asText, `{${name}:${value}}`] : [asText];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
