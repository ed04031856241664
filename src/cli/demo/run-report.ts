import type { TemplateRun } from '../../database/engine/run-statistics.ts';
import { jsonText } from '../json-text.ts';
import { countOf, countText, factLines, millisText, textTable } from '../text-table.ts';
import type { SampleRun } from './run-samples.ts';

const sumOf = (runs: readonly TemplateRun[], field: 'tasks' | 'steps' | 'retries'): number =>
  runs.reduce((sum, run) => sum + run[field], 0);

const cell = (value: number | null, text: (value: number) => string): string =>
  value === null ? '' : text(value);

/** The run as text: facts, a table by template, and why one task failed. */
export function runText({ origin, seconds, peak, templates, failed }: SampleRun): string {
  const steps = sumOf(templates, 'steps');
  const head = factLines([
    ['database', origin],
    [
      'ran',
      `${countOf(sumOf(templates, 'tasks'), 'task')} of ${countOf(templates.length, 'template')}, ${countOf(steps, 'step')}, ${countText(sumOf(templates, 'retries'))} retries`,
    ],
    [
      'took',
      `${seconds.toFixed(1)} s with creation and the waits before retries; ${countText(peak)} steps in the busiest second`,
    ],
  ]);
  const table = textTable(
    [
      { title: 'template' },
      { title: 'tasks', align: 'right' },
      { title: 'steps', align: 'right' },
      { title: 'retries', align: 'right' },
      { title: 'p50 ms', align: 'right' },
      { title: 'p95 ms', align: 'right' },
      { title: 'steps/s', align: 'right' },
    ],
    templates.map((run) => [
      `${run.namespace}.${run.name}`,
      countText(run.tasks),
      countText(run.steps),
      countText(run.retries),
      cell(run.p50, millisText),
      cell(run.p95, millisText),
      cell(run.stepsPerSecond, (value) => countText(Math.round(value))),
    ]),
  );
  const { taskId, error, explanation } = failed;
  return `${head}
${table}
One order was paid with a card that is declined. Waiting for its result raises

  ${error.code}: ${error.message}

and "tasker explain" says of its steps:

${explanation.steps.map(({ sentence }) => `  ${sentence}`).join('\n')}

Task ${taskId} stays in error until somebody redrives or resolves it.
The resolver's comparison with SQL: npm start -- --demo resolve
`;
}

/** The run as JSON. */
export function runJson({ origin, seconds, peak, templates, failed }: SampleRun): string {
  return jsonText({
    database: origin,
    seconds,
    peak_steps_per_second: peak,
    tasks: sumOf(templates, 'tasks'),
    steps: sumOf(templates, 'steps'),
    retries: sumOf(templates, 'retries'),
    templates: templates.map(({ stepsPerSecond, p50, p95, ...run }) => ({
      ...run,
      p50_ms: p50,
      p95_ms: p95,
      steps_per_second: stepsPerSecond,
    })),
    failed: {
      task_id: failed.taskId,
      code: failed.error.code,
      message: failed.error.message,
      steps: failed.explanation.steps,
    },
  });
}
