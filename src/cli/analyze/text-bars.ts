/** Columns of a bar. */
const WIDTH = 40;

/** A step in a schedule, seconds. */
export interface ScheduledStep {
  readonly start: number;
  readonly length: number;
  /** How much later it may end. */
  readonly slack: number;
  readonly isCritical: boolean;
}

/**
 * A line of a Gantt chart: `#` where a step of the critical path runs, `=` where another one does,
 * `.` how much later it may end. A step that takes no time is a `|`.
 */
export function scheduleBar(step: ScheduledStep, seconds: number): string {
  const place = (at: number): number => (seconds === 0 ? 0 : Math.round((at / seconds) * WIDTH));
  const from = Math.min(place(step.start), WIDTH - 1);
  const to = Math.max(place(step.start + step.length), from + 1);
  const end = Math.max(place(step.start + step.length + step.slack), to);
  const mark = step.isCritical ? '#' : '=';
  const bar = step.length === 0 ? '|' : mark.repeat(to - from);
  return ' '.repeat(from) + bar + '.'.repeat(end - to);
}

/** A bar for a count of at most `most`; never empty. */
export function countBar(count: number, most: number): string {
  const columns = most <= WIDTH ? count : Math.ceil((count / most) * WIDTH);
  return '#'.repeat(Math.max(1, columns));
}

/** Seconds with four significant digits at most, the unit as it reads best. */
export function secondsText(seconds: number): string {
  const short = (value: number): string => String(Number(value.toPrecision(4)));
  if (seconds < 120) return `${short(seconds)} s`;
  if (seconds < 7200) return `${short(seconds / 60)} min`;
  if (seconds < 172_800) return `${short(seconds / 3600)} h`;
  return `${short(seconds / 86_400)} d`;
}
