import type {
  FinishEstimate,
  GraphSnapshot,
  RowProblem,
  TaskAnalysis,
} from '../../resolver/index.ts';
import { jsonText } from '../json-text.ts';
import { countOf, countText, factLines, textTable } from '../text-table.ts';
import { problemJson, problemLines } from './row-problems.ts';
import type { StepLength, StepLengths } from './step-lengths.ts';
import { countBar, scheduleBar, secondsText } from './text-bars.ts';

/** Everything that `tasker analyze` tells of one task. */
export interface TaskReport {
  readonly analysis: TaskAnalysis;
  readonly estimate: FinishEstimate;
  readonly lengths: StepLengths;
  /** Names of the steps by id. */
  readonly names: ReadonlyMap<bigint, string>;
  readonly runs: number;
  readonly seed: number;
  readonly problems: readonly RowProblem[];
}

/** Names of a snapshot's steps by id. */
export function stepNames({ views, texts }: GraphSnapshot): Map<bigint, string> {
  const named = Array.from(views.namedStepId, (id) => texts.stepNames.get(id) ?? '');
  return new Map(named.map((name, step) => [views.stepId[step] as bigint, name]));
}

/** Rows that a person still reads. */
const MOST_ROWS = 40;

interface StepRow {
  readonly id: bigint;
  readonly name: string;
  readonly start: number;
  readonly total: number;
  readonly free: number;
  readonly length: StepLength;
  readonly isCritical: boolean;
  readonly share: number;
}

function stepRows({ analysis, estimate, lengths, names }: TaskReport): StepRow[] {
  const critical = new Set(analysis.criticalPath);
  const shares = new Map(estimate.criticality.map(({ stepId, share }) => [stepId, share]));
  return analysis.slack.map(({ stepId, startSeconds, totalSeconds, freeSeconds }) => ({
    id: stepId,
    name: names.get(stepId) ?? '',
    start: startSeconds,
    total: totalSeconds,
    free: freeSeconds,
    length: lengths.of(names.get(stepId) ?? ''),
    isCritical: critical.has(stepId) || totalSeconds === 0,
    share: shares.get(stepId) ?? 0,
  }));
}

/** The report as JSON text. */
export function taskReportJson(report: TaskReport): string {
  const { analysis, estimate, runs, seed } = report;
  return jsonText({
    task_id: analysis.taskId,
    steps: analysis.steps,
    seconds: analysis.seconds,
    critical_path: analysis.criticalPath,
    schedule: stepRows(report).map((row) => ({
      workflow_step_id: row.id,
      name: row.name,
      start_seconds: row.start,
      length_seconds: row.length.median,
      length_from: row.length.source,
      total_slack_seconds: row.total,
      free_slack_seconds: row.free,
      criticality: row.share,
    })),
    level_widths: analysis.levelWidths,
    redundant_edges: analysis.redundantEdges.map(({ fromStepId, toStepId, reason }) => ({
      from_step_id: fromStepId,
      to_step_id: toStepId,
      reason,
    })),
    finish: {
      can_complete: estimate.canComplete,
      mean_seconds: estimate.meanSeconds,
      percentiles: estimate.percentiles,
      runs,
      seed,
    },
    row_problems: report.problems.map(problemJson),
  });
}

/** The report as text for people: facts, the schedule as a chart, levels, redundant edges. */
export function taskReportText(report: TaskReport): string {
  const { analysis, names } = report;
  const widest = Math.max(0, ...analysis.levelWidths);
  const rows = stepRows(report);
  const parts = [factLines(facts(report, rows, widest)), scheduleTable(rows, analysis.seconds)];
  if (analysis.levelWidths.length > 0) {
    parts.push(levelTable(analysis.levelWidths, widest));
  }
  if (analysis.redundantEdges.length > 0) {
    const edges = analysis.redundantEdges.slice(0, MOST_ROWS).map((edge) => {
      const label = (id: bigint): string => `${id} ${names.get(id) ?? ''}`.trimEnd();
      return [`${label(edge.fromStepId)} -> ${label(edge.toStepId)}`, edge.reason];
    });
    parts.push(
      textTable([{ title: 'redundant edge' }, { title: 'why' }], edges) +
        moreText(analysis.redundantEdges.length),
    );
  }
  parts.push(...problemLines(report.problems));
  return parts.filter((part) => part !== '').join('\n');
}

function facts(report: TaskReport, rows: readonly StepRow[], widest: number): [string, string][] {
  const { analysis, estimate, names, runs, seed } = report;
  const path = analysis.criticalPath.map((id) => names.get(id) ?? '');
  const shown =
    path.length <= 12
      ? path
      : [...path.slice(0, 6), `... ${countText(path.length - 12)} more ...`, ...path.slice(-6)];
  const percent = (share: number): string => `p${Number((share * 100).toPrecision(6))}`;
  const done = estimate.percentiles.map(
    ({ share, seconds }) => `${percent(share)} ${secondsText(seconds)}`,
  );
  return [
    ['task', String(analysis.taskId)],
    ['steps', countText(analysis.steps)],
    ['length', `${secondsText(analysis.seconds)} from first start to last end`],
    ['critical path', `${countOf(path.length, 'step')}: ${shown.join(' > ')}`],
    [
      'levels',
      `${countText(analysis.levelWidths.length)}, at most ${countOf(widest, 'step')} side by side`,
    ],
    ['lengths from', sourcesText(rows)],
    [
      'done in',
      estimate.canComplete
        ? `${done.join(', ')} (${countOf(runs, 'run')}, seed ${seed})`
        : `never, without an operator: a step failed for good or was cancelled (else ${done.join(', ')})`,
    ],
    ['redundant', countOf(analysis.redundantEdges.length, 'edge')],
  ];
}

function sourcesText(rows: readonly StepRow[]): string {
  const count = (source: string): number =>
    rows.filter(({ length }) => length.source === source).length;
  const said = [
    [count('file'), 'the file'],
    [count('history'), 'earlier attempts'],
    [count('assumed'), 'an assumption (nothing is known of them)'],
  ] as const;
  const parts = said.filter(([steps]) => steps > 0);
  return parts.map(([steps, what]) => `${what}: ${countOf(steps, 'step')}`).join(', ');
}

function scheduleTable(rows: readonly StepRow[], seconds: number): string {
  if (rows.length === 0) return '';
  const inOrder = rows.toSorted((a, b) => a.start - b.start || Number(a.id - b.id));
  const cells = inOrder.slice(0, MOST_ROWS).map((row) => [
    String(row.id),
    row.name,
    secondsText(row.start),
    secondsText(row.length.median) + (row.length.source === 'assumed' ? '?' : ''),
    secondsText(row.total),
    `${Math.round(row.share * 100)} %`,
    scheduleBar(
      {
        start: row.start,
        length: row.length.median,
        slack: row.total,
        isCritical: row.isCritical,
      },
      seconds,
    ),
  ]);
  const right = 'right' as const;
  const columns = [
    { title: 'step', align: right },
    { title: 'name' },
    { title: 'start', align: right },
    { title: 'length', align: right },
    { title: 'slack', align: right },
    { title: 'decides', align: right },
    { title: 'schedule (# critical, = other, . slack)' },
  ];
  return textTable(columns, cells) + moreText(rows.length);
}

function levelTable(widths: readonly number[], widest: number): string {
  const cells = widths
    .slice(0, MOST_ROWS)
    .map((width, level) => [String(level), countText(width), countBar(width, widest)]);
  const columns = [
    { title: 'level', align: 'right' as const },
    { title: 'steps', align: 'right' as const },
    { title: '' },
  ];
  return textTable(columns, cells) + moreText(widths.length);
}

function moreText(rows: number): string {
  const left = rows - MOST_ROWS;
  return left > 0 ? `... and ${countText(left)} more; --json has them all\n` : '';
}
