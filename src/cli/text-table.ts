/** One column of a {@link textTable}. */
export interface TableColumn {
  readonly title: string;
  /** Numbers stand right, texts left (default). */
  readonly align?: 'left' | 'right';
}

/** Rows as aligned text, two blanks between columns, a rule below the titles; ends in a newline. */
export function textTable(columns: readonly TableColumn[], rows: readonly string[][]): string {
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => {
        const cell = cells[at] ?? '';
        const width = widths[at] as number;
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width));
  return `${[columns.map(({ title }) => title), rule, ...rows].map(line).join('\n')}\n`;
}

/** Facts as `name  value` lines, values aligned; ends in a newline. */
export function factLines(facts: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return `${facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join('\n')}\n`;
}

const GROUPED = new Intl.NumberFormat('en-US');

/** A count with its thousands apart. */
export function countText(count: number): string {
  return GROUPED.format(count);
}

/** A count of things: `1 step`, `2 steps`. */
export function countOf(count: number, thing: string): string {
  return `${countText(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** Milliseconds to three significant digits, at most whole ones. */
export function millisText(millis: number): string {
  if (millis >= 100) return GROUPED.format(Math.round(millis));
  return millis >= 10 ? millis.toFixed(1) : millis.toFixed(2);
}

/** A text on one line, without what would move the cursor, cut to a length. */
export function oneLine(text: string, length = 200): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** Bytes in the largest unit that leaves a number of at least 1. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const at = Math.min(Math.floor(Math.log2(bytes) / 10), 4);
  return `${(bytes / 1024 ** at).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][at]}`;
}
