import type { ResolverReport } from '../../resolver/index.ts';
import { jsonText } from '../json-text.ts';
import { countText, factLines, millisText, textTable } from '../text-table.ts';
import type { CheckReport } from './check-answers.ts';
import type { Measurements } from './measure.ts';

/** Everything that the demonstration tells. */
export interface DemoFacts {
  readonly origin: string;
  readonly check: CheckReport;
  readonly measurements: Measurements;
  /** Report of a resolver that was left to choose. */
  readonly auto: ResolverReport;
  /** Backends that are not here, and why. */
  readonly missing: Readonly<Record<string, string>>;
}

function totals({ snapshots }: CheckReport): { tasks: number; steps: number; edges: number } {
  const sum = { tasks: 0, steps: 0, edges: 0 };
  for (const { views } of snapshots) {
    sum.tasks += views.counts.tasks;
    sum.steps += views.counts.steps;
    sum.edges += views.counts.edges;
  }
  return sum;
}

const timesText = (times: number): string =>
  times >= 100 ? countText(Math.round(times)) : times.toFixed(1);

/** The report as text: facts, the table, what it says. */
export function demoText(facts: DemoFacts): string {
  const { check, measurements, auto, missing } = facts;
  const { tasks, steps, edges } = totals(check);
  const { sql } = measurements;
  const nanos = (millis: number): string => millisText((millis * 1e6) / Math.max(1, steps));
  const { compared } = check;
  const head = factLines([
    ['database', facts.origin],
    ['rows', `${countText(tasks)} tasks, ${countText(steps)} steps, ${countText(edges)} edges`],
    [
      'compared',
      `with the SQL functions, for each backend: ${countText(compared.readiness)} readiness rows of 16 columns, ${countText(compared.contexts)} contexts, ${countText(compared.levels)} levels; ${countText(compared.readyIds)} ready ids with the tuned query: all equal`,
    ],
    ...(check.cycles === 0 ? [] : [['cycles', countText(check.cycles)] as const]),
    ...(check.tasksSetApart === 0
      ? []
      : [['set apart', `${countText(check.tasksSetApart)} tasks`] as const]),
    ['measured', `medians of ${measurements.rounds} interleaved rounds`],
  ]);
  const sqlRow = (name: string, millis: number): string[] => [
    name,
    '',
    millisText(millis),
    nanos(millis),
    '',
    '',
  ];
  const table = textTable(
    [
      { title: 'backend' },
      { title: 'load ms', align: 'right' },
      { title: 'resolve ms', align: 'right' },
      { title: 'ns per step', align: 'right' },
      { title: 'x SQL, cold', align: 'right' },
      { title: 'x SQL, warm', align: 'right' },
    ],
    [
      ...measurements.backends.map(({ backend, load, resolve, cold }) => [
        backend,
        millisText(load),
        millisText(resolve),
        nanos(resolve),
        timesText(sql.readiness / cold),
        timesText(sql.readiness / resolve),
      ]),
      sqlRow('SQL function, readiness', sql.readiness),
      sqlRow('SQL function, contexts', sql.contexts),
      sqlRow('SQL function, levels', sql.levels),
      sqlRow('SQL tuned, ready ids only', sql.readyIds),
    ],
  );
  const notes = [
    `A backend's answer is all three of readiness, contexts and levels; "x SQL" compares it with the`,
    `SQL readiness function alone. Cold is load and resolve together, warm is resolve over loaded`,
    `arrays. Making an object of every readiness row takes ${millisText(measurements.decode)} ms more.`,
    '',
    `auto chooses ${auto.chosen ?? 'nothing'}: ${auto.why}.`,
    ...Object.entries(auto.notChosen).map(([backend, why]) => `  not ${backend}: ${why}`),
    ...Object.entries(missing)
      .filter(([backend]) => !(backend in auto.notChosen))
      .map(([backend, why]) => `  not ${backend}: ${why}`),
  ];
  return `${head}\n${table}\n${notes.join('\n')}\n`;
}

/** The report as JSON text; times are ms. */
export function demoJson(facts: DemoFacts): string {
  const { check, measurements, auto } = facts;
  const sum = totals(check);
  const { sql } = measurements;
  return jsonText({
    database: facts.origin,
    ...sum,
    cycles: check.cycles,
    tasks_set_apart: check.tasksSetApart,
    compared: check.compared,
    rounds: measurements.rounds,
    backends: measurements.backends.map(({ backend, load, resolve, cold }) => ({
      backend,
      load_ms: load,
      resolve_ms: resolve,
      cold_ms: cold,
      ns_per_step: (resolve * 1e6) / Math.max(1, sum.steps),
      times_sql_cold: sql.readiness / cold,
      times_sql_warm: sql.readiness / resolve,
    })),
    sql_ms: sql,
    decode_ms: measurements.decode,
    auto: { chosen: auto.chosen ?? null, why: auto.why, not_chosen: auto.notChosen },
    missing: facts.missing,
  });
}
