import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import type pg from 'pg';

import { copyIn } from '../../src/database/copy/copy-in.ts';

/** The golden sets in the repository. */
export const GOLDEN_SETS = ['plain', 'tangled'] as const;

/** Name of a golden set. */
export type GoldenSet = (typeof GOLDEN_SETS)[number];

/** What is known of a golden set as a whole. */
export interface GoldenMeta {
  /** Naive UTC instant with six digits at which the answers were taken. */
  readonly now: string;
  readonly tasks: number;
  readonly steps: number;
  readonly edges: number;
  readonly named_steps: readonly { readonly named_step_id: number; readonly name: string }[];
}

/** Directory of a golden set. */
export function goldenDirectory(set: GoldenSet): URL {
  return new URL(`../vectors/${set}/`, import.meta.url);
}

/** The set's meta.json. */
export async function goldenMeta(set: GoldenSet): Promise<GoldenMeta> {
  return JSON.parse(
    await readFile(new URL('meta.json', goldenDirectory(set)), 'utf8'),
  ) as GoldenMeta;
}

/** All rows of one NDJSON file of the set. */
export async function goldenRows<Row>(set: GoldenSet, file: string): Promise<Row[]> {
  const rows: Row[] = [];
  const input = createReadStream(new URL(`${file}.ndjson`, goldenDirectory(set)));
  for await (const line of createInterface({ input })) rows.push(JSON.parse(line) as Row);
  return rows;
}

const FILES: readonly (readonly [file: string, table: string])[] = [
  ['steps', 'tasker_workflow_steps'],
  ['edges', 'tasker_workflow_step_edges'],
  ['step_transitions', 'tasker_workflow_step_transitions'],
  ['task_transitions', 'tasker_task_transitions'],
];

/**
 * Stores a golden set in a migrated database, ids kept, with the rows that its foreign keys want (namespace, named
 * tasks, dependent system, named steps). A column that the set leaves out gets the set's instant or a constant.
 * Both sets fit into one database: they share those rows.
 */
export async function loadGolden(client: pg.Client, set: GoldenSet): Promise<GoldenMeta> {
  const meta = await goldenMeta(set);
  const tasks = await goldenRows<{ task_id: number; named_task_id: number }>(set, 'tasks');
  const stamps = { created_at: meta.now, updated_at: meta.now };
  await client.query('BEGIN');
  await client.query({
    text: `INSERT INTO tasker_task_namespaces (task_namespace_id, name, created_at, updated_at)
           VALUES (1, 'default', $1, $1) ON CONFLICT DO NOTHING`,
    values: [meta.now],
  });
  await client.query({
    text: `INSERT INTO tasker_dependent_systems (dependent_system_id, name, created_at, updated_at)
           VALUES (1, 'unknown', $1, $1) ON CONFLICT DO NOTHING`,
    values: [meta.now],
  });
  await client.query({
    text: `INSERT INTO tasker_named_tasks (named_task_id, name, created_at, updated_at)
           SELECT id, 'golden_' || id, $2, $2 FROM unnest($1::integer[]) AS id ON CONFLICT DO NOTHING`,
    values: [[...new Set(tasks.map((task) => task.named_task_id))], meta.now],
  });
  await client.query({
    text: `INSERT INTO tasker_named_steps (named_step_id, dependent_system_id, name, created_at, updated_at)
           SELECT id, 1, name, $3, $3 FROM unnest($1::integer[], $2::text[]) AS step(id, name) ON CONFLICT DO NOTHING`,
    values: [
      meta.named_steps.map((step) => step.named_step_id),
      meta.named_steps.map((step) => step.name),
      meta.now,
    ],
  });
  await copyObjects(
    client,
    'tasker_tasks',
    tasks.map((task) => ({
      ...task,
      requested_at: meta.now,
      identity_hash: `golden-${task.task_id}`,
      ...stamps,
    })),
  );
  for (const [file, table] of FILES) {
    const rows = await goldenRows<Record<string, Cell>>(set, file);
    await copyObjects(
      client,
      table,
      rows.map((row) => ({ ...stamps, ...row })),
    );
  }
  await client.query('COMMIT');
  await client.query('ANALYZE');
  return meta;
}

type Cell = string | number | boolean | null;

/** Stores plain objects of one shape: COPY in text form, null as `\N`. */
async function copyObjects(
  client: pg.Client,
  table: string,
  rows: readonly Record<string, Cell>[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first);
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join('\t'));
  const stored = await copyIn(client, `COPY ${table} (${columns.join(', ')}) FROM STDIN`, [
    Buffer.from(`${lines.join('\n')}\n`),
  ]);
  if (stored !== rows.length) throw new Error(`${table}: ${stored} of ${rows.length} rows stored`);
}

function cell(value: Cell | undefined): string {
  if (value === null || value === undefined) return '\\N';
  return String(value).replace(/[\\\t\n\r]/g, (character) => `\\${character}`);
}
