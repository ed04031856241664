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

/** Milliseconds to three significant digits, at most whole ones. */
export function millisText(millis: number): string {
  if (millis >= 100) return GROUPED.format(Math.round(millis));
  return millis >= 10 ? millis.toFixed(1) : millis.toFixed(2);
}
