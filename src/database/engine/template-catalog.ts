import { formatNaive } from '../../graph/snapshot/instants.ts';
import { boolArray, int4Array, textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** A step as the catalog tables hold it. */
export interface CatalogStep {
  readonly name: string;
  readonly dependentSystem: string;
  readonly retryable: boolean;
  /** Attempts in all. */
  readonly retryLimit: number;
  readonly skippable: boolean;
}

/** What names a kind of tasks, and its steps. */
export interface CatalogEntry {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly steps: readonly CatalogStep[];
}

/** The part of a task's template that is stored; a `TaskTemplate` is one. */
export interface StorableTemplate extends CatalogEntry {
  readonly graph: {
    readonly steps: number;
    readonly edges: number;
    /** First edge of each step in `parents`; length steps + 1. */
    readonly parentOffsets: Uint32Array;
    readonly parents: Uint32Array;
  };
  readonly hash: string;
  readonly packed: Uint8Array;
}

/** Ids of an entry's rows. */
export interface CatalogIds {
  readonly namedTaskId: number;
  /** By the position of the step. */
  readonly namedStepIds: Int32Array;
}

/** A template whose rows are there. */
export interface StoredTemplate<
  Template extends StorableTemplate = StorableTemplate,
> extends CatalogIds {
  readonly template: Template;
}

/**
 * Finds or creates the rows that the tasks of a template hang on: those of its catalog entry, and its
 * graph by hash. Existing rows are left as they are. Any number of sessions may do so at once; in
 * the caller's transaction the rows are there if and only if it commits.
 *
 * @param at the creation time of new rows, µs since the epoch
 * @returns two statements where all is there; O(steps)
 */
export async function storeTemplate<Template extends StorableTemplate>(
  client: Queries,
  template: Template,
  at: number,
): Promise<StoredTemplate<Template>> {
  const ids = await storeCatalog(client, template, at);
  await client.query({
    name: 'tasker_store_graph',
    text: `INSERT INTO tasker_core_graphs (template_hash, graph, created_at)
           SELECT $1::text, $2::bytea, $3::timestamp
            WHERE NOT EXISTS (SELECT FROM tasker_core_graphs WHERE template_hash = $1::text)
           ON CONFLICT DO NOTHING`,
    values: [template.hash, Buffer.from(template.packed), formatNaive(at)],
  });
  return { template, ...ids };
}

/**
 * Finds or creates the rows of many templates; see {@link storeTemplate}. One statement where all
 * are there, O(steps of all).
 */
export async function storeTemplates<Template extends StorableTemplate>(
  client: Queries,
  templates: readonly Template[],
  at: number,
): Promise<StoredTemplate<Template>[]> {
  const found = await findCatalogs(client, templates);
  const stored: StoredTemplate<Template>[] = [];
  for (const [place, template] of templates.entries()) {
    const ids = found.get(place);
    stored.push(
      ids?.hasGraph === true
        ? { template, namedTaskId: ids.namedTaskId, namedStepIds: ids.namedStepIds }
        : await storeTemplate(client, template, at),
    );
  }
  return stored;
}

/**
 * Finds or creates namespace, named task, dependent systems, named steps and their links to the
 * task. A link is looked for by the step's name. Existing rows are left as they are.
 *
 * @param at the creation time of new rows, µs since the epoch
 * @returns one statement where all is there, else five; O(steps)
 */
export async function storeCatalog(
  client: Queries,
  entry: CatalogEntry,
  at: number,
): Promise<CatalogIds> {
  const found = await findCatalog(client, entry);
  if (found !== undefined) return found;
  const { namespace, name, version, steps } = entry;
  const now = formatNaive(at);
  const names = textArray(steps.map((step) => step.name));
  const systems = textArray(steps.map((step) => step.dependentSystem));
  await client.query(NAMES, [namespace, systems, now]);
  await client.query(KINDS, [namespace, name, version, names, systems, now]);
  await client.query(LINKS, [
    namespace,
    name,
    version,
    names,
    systems,
    int4Array(steps.map((step) => step.retryLimit)),
    boolArray(steps.map((step) => step.retryable)),
    boolArray(steps.map((step) => step.skippable)),
    now,
  ]);
  const stored = await findCatalog(client, entry);
  if (stored === undefined) throw new Error(`the catalog rows of ${namespace}.${name} are gone`);
  return stored;
}

// What is there already is left out before the insert, which would use up an id for it; sorted, so
// that sessions that insert the same rows wait for each other in one order.
const NAMES = `
WITH namespace AS (
  INSERT INTO tasker_task_namespaces (name, created_at, updated_at)
  SELECT $1::text, $3::timestamp, $3::timestamp
   WHERE NOT EXISTS (SELECT FROM tasker_task_namespaces WHERE name = $1::text)
  ON CONFLICT DO NOTHING
)
INSERT INTO tasker_dependent_systems (name, created_at, updated_at)
SELECT DISTINCT s.name, $3::timestamp, $3::timestamp FROM unnest($2::text[]) AS s(name)
 WHERE NOT EXISTS (SELECT FROM tasker_dependent_systems d WHERE d.name = s.name)
 ORDER BY s.name
ON CONFLICT DO NOTHING`;

const KINDS = `
WITH task AS (
  INSERT INTO tasker_named_tasks
    (task_namespace_id, name, version, configuration, created_at, updated_at)
  SELECT n.task_namespace_id, $2::text, $3::text, '{}', $6::timestamp, $6::timestamp
    FROM tasker_task_namespaces n
   WHERE n.name = $1::text AND NOT EXISTS (
     SELECT FROM tasker_named_tasks t
      WHERE t.task_namespace_id = n.task_namespace_id AND t.name = $2::text AND t.version = $3::text)
  ON CONFLICT DO NOTHING
)
INSERT INTO tasker_named_steps (dependent_system_id, name, created_at, updated_at)
SELECT DISTINCT d.dependent_system_id, s.name, $6::timestamp, $6::timestamp
  FROM unnest($4::text[], $5::text[]) AS s(name, system)
  JOIN tasker_dependent_systems d ON d.name = s.system
 WHERE NOT EXISTS (SELECT FROM tasker_named_steps k
                    WHERE k.dependent_system_id = d.dependent_system_id AND k.name = s.name)
 ORDER BY d.dependent_system_id, s.name
ON CONFLICT DO NOTHING`;

const OF_TASK = `
  FROM tasker_named_tasks t
  JOIN tasker_task_namespaces n ON n.task_namespace_id = t.task_namespace_id`;

const THIS_TASK = 'n.name = $1::text AND t.name = $2::text AND t.version = $3::text';

const LINK_BY_NAME = `
  SELECT FROM tasker_named_tasks_named_steps l
    JOIN tasker_named_steps o ON o.named_step_id = l.named_step_id
   WHERE l.named_task_id = t.named_task_id AND o.name = s.name`;

const LINKS = `
INSERT INTO tasker_named_tasks_named_steps
  (named_task_id, named_step_id, default_retry_limit, default_retryable, skippable, created_at, updated_at)
SELECT t.named_task_id, k.named_step_id, s.retry_limit, s.retryable, s.skippable, $9::timestamp, $9::timestamp
  ${OF_TASK}
 CROSS JOIN unnest($4::text[], $5::text[], $6::int[], $7::boolean[], $8::boolean[])
         AS s(name, system, retry_limit, retryable, skippable)
  JOIN tasker_dependent_systems d ON d.name = s.system
  JOIN tasker_named_steps k ON k.dependent_system_id = d.dependent_system_id AND k.name = s.name
 WHERE ${THIS_TASK} AND NOT EXISTS (${LINK_BY_NAME})
 ORDER BY k.named_step_id
ON CONFLICT DO NOTHING`;

const FIND = `
SELECT p.place, t.named_task_id,
       EXISTS (SELECT FROM tasker_core_graphs g WHERE g.template_hash = p.hash) AS has_graph,
       (SELECT string_agg(k.named_step_id::text, ',' ORDER BY s.place)
          FROM unnest($5::int[], $6::text[], $7::text[]) WITH ORDINALITY AS s(entry, name, system, place)
          JOIN tasker_dependent_systems d ON d.name = s.system
          JOIN tasker_named_steps k ON k.dependent_system_id = d.dependent_system_id AND k.name = s.name
         WHERE s.entry = p.place AND EXISTS (${LINK_BY_NAME})) AS named_step_ids
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
         AS p(namespace, name, version, hash, place)
  JOIN tasker_task_namespaces n ON n.name = p.namespace
  JOIN tasker_named_tasks t
    ON t.task_namespace_id = n.task_namespace_id AND t.name = p.name AND t.version = p.version`;

interface FoundCatalog extends CatalogIds {
  /** The graph of the entry's hash, where it has one, is stored. */
  readonly hasGraph: boolean;
}

/** The entries whose rows are all there, by their places. */
async function findCatalogs(
  client: Queries,
  entries: readonly (CatalogEntry & { readonly hash?: string })[],
): Promise<Map<number, FoundCatalog>> {
  if (entries.length === 0) return new Map();
  const steps = entries.flatMap((entry, at) => entry.steps.map((step) => ({ at, step })));
  const { rows } = await client.query<{
    place: string;
    named_task_id: number;
    has_graph: boolean;
    named_step_ids: string | null;
  }>({
    name: 'tasker_find_catalogs',
    text: FIND,
    values: [
      textArray(entries.map(({ namespace }) => namespace)),
      textArray(entries.map(({ name }) => name)),
      textArray(entries.map(({ version }) => version)),
      textArray(entries.map(({ hash = '' }) => hash)),
      int4Array(steps.map(({ at }) => at + 1)),
      textArray(steps.map(({ step }) => step.name)),
      textArray(steps.map(({ step }) => step.dependentSystem)),
    ],
  });
  const found = new Map<number, FoundCatalog>();
  for (const { place, named_task_id: namedTaskId, has_graph: hasGraph, named_step_ids } of rows) {
    const at = Number(place) - 1;
    const ids = named_step_ids === null ? [] : named_step_ids.split(',').map(Number);
    if (ids.length < (entries[at] as CatalogEntry).steps.length) continue;
    found.set(at, { namedTaskId, hasGraph, namedStepIds: Int32Array.from(ids) });
  }
  return found;
}

async function findCatalog(client: Queries, entry: CatalogEntry): Promise<CatalogIds | undefined> {
  const found = (await findCatalogs(client, [entry])).get(0);
  return found && { namedTaskId: found.namedTaskId, namedStepIds: found.namedStepIds };
}
