import { formatInstant } from '../graph/snapshot/instants.ts';
import type { ResolverReport, RunSummary } from '../resolver/index.ts';
import { jsonText } from './json-text.ts';
import { countText, factLines, millisText } from './text-table.ts';

/** Everything that `tasker resolve` tells. */
export interface ResolveFacts {
  readonly summary: RunSummary;
  readonly report: ResolverReport;
  /** From the first request to the last written row, ms. */
  readonly totalMillis: number;
  /** Time spent writing answers, ms; undefined where none were asked for. */
  readonly writeMillis: number | undefined;
  /** Files written. */
  readonly written: readonly string[];
}

/** True when rows have to be reported: cycles, contradictions, ids that name no task. */
export function hasRowErrors({ counts, problemCount, unknownTasks }: RunSummary): boolean {
  return (
    counts.cycles > 0 || counts.tasksSetApart > 0 || problemCount > 0 || unknownTasks.length > 0
  );
}

/** Throws when a task or step that was read is in no answer and not set apart either. */
export function checkCounts({ counts, read }: RunSummary): void {
  const tasks = counts.tasks + counts.tasksSetApart;
  const steps = counts.steps + counts.stepsSetApart;
  if (tasks === read.tasks && steps === read.steps && counts.edges === read.edges) return;
  throw new Error(
    `Counts differ: read ${read.tasks} tasks, ${read.steps} steps, ${read.edges} edges; accounted for ${tasks}, ${steps}, ${counts.edges}. This is a defect of tasker-core; please report it.`,
  );
}

function stepNanos({ summary }: ResolveFacts): number {
  const { read, resolveMillis } = summary;
  return read.steps === 0 ? 0 : (resolveMillis * 1e6) / read.steps;
}

/** The summary as JSON text; ids are numbers with all their digits, times are ms. */
export function summaryJson(facts: ResolveFacts): string {
  const { summary, report } = facts;
  const { counts, read } = summary;
  return jsonText({
    rules: summary.rules,
    now: summary.nowMicros === undefined ? null : formatInstant(summary.nowMicros),
    tasks: counts.tasks,
    steps: counts.steps,
    edges: counts.edges,
    ready: counts.ready,
    blocked: counts.tasksBlocked,
    exhausted: counts.exhausted,
    cycles: counts.cycles,
    read,
    set_apart: { tasks: counts.tasksSetApart, steps: counts.stepsSetApart },
    unknown_tasks: summary.unknownTasks,
    row_problems: summary.problemCount,
    load_ms: summary.loadMillis,
    resolve_ms: summary.resolveMillis,
    write_ms: facts.writeMillis ?? null,
    total_ms: facts.totalMillis,
    ns_per_step: stepNanos(facts),
    chunks: summary.chunks,
    peak_snapshot_bytes: summary.peakSnapshotBytes,
    backend: {
      requested: report.requested,
      chosen: report.chosen ?? null,
      why: report.why,
      not_chosen: report.notChosen,
      runs: report.runs,
      threads: report.threads,
    },
    files: facts.written,
    cycle_list: summary.cycles.map(({ code, taskId, path, message }) => ({
      code,
      task_id: taskId,
      path,
      message,
    })),
    problem_list: summary.problems.map(({ code, table, id, taskId, refused, message }) => ({
      code,
      table,
      id,
      task_id: taskId ?? null,
      refused,
      message,
    })),
  });
}

/** The summary as text for people. */
export function summaryText(facts: ResolveFacts): string {
  const { summary, report } = facts;
  const { counts, read } = summary;
  const lines: [string, string][] = [
    ['tasks', accounted(read.tasks, counts.tasks, counts.tasksSetApart)],
    ['steps', accounted(read.steps, counts.steps, counts.stepsSetApart)],
    ['edges', countText(counts.edges)],
    ['ready', `${countText(counts.ready)} steps`],
    [
      'blocked',
      `${countText(counts.tasksBlocked)} tasks (${countText(counts.exhausted)} steps without an attempt left)`,
    ],
    ['cycles', countText(counts.cycles)],
    ['row problems', countText(summary.problemCount)],
    ['unknown tasks', unknownText(summary.unknownTasks)],
    [
      'rules',
      `${summary.rules}${summary.nowMicros === undefined ? '' : `, now ${formatInstant(summary.nowMicros)}`}`,
    ],
    ['load', `${millisText(summary.loadMillis)} ms`],
    [
      'resolve',
      `${millisText(summary.resolveMillis)} ms, ${millisText(stepNanos(facts))} ns per step`,
    ],
    ['total', `${millisText(facts.totalMillis)} ms (loading and resolving overlap)`],
    ['backend', `${report.chosen ?? 'none'}: ${report.why}`],
  ];
  if (facts.writeMillis !== undefined) {
    lines.splice(-2, 0, ['write', `${millisText(facts.writeMillis)} ms`]);
  }
  for (const [name, why] of Object.entries(report.notChosen)) lines.push([`not ${name}`, why]);
  for (const file of facts.written) lines.push(['wrote', file]);
  return factLines(lines) + details(summary);
}

function accounted(read: number, answered: number, apart: number): string {
  return `${countText(read)} read = ${countText(answered)} answered + ${countText(apart)} set apart`;
}

function unknownText(ids: readonly bigint[]): string {
  if (ids.length === 0) return '0';
  const shown = ids.slice(0, 20).join(', ');
  return `${countText(ids.length)}: ${shown}${ids.length > 20 ? ', ...' : ''}`;
}

function details({ counts, cycles, problems, problemCount }: RunSummary): string {
  const lines = [...cycles, ...problems].map(({ code, message }) => `${code} ${message}`);
  const left = counts.cycles + problemCount - lines.length;
  if (left > 0) lines.push(`... and ${countText(left)} more`);
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}
