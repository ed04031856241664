type Cells = readonly string[];

/** A table in Markdown; columns named in `right` stand right. */
export function markdownTable(
  titles: Cells,
  right: readonly number[],
  rows: readonly Cells[],
): string {
  const line = (cells: Cells): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = titles.map((_, at) => (right.includes(at) ? '---:' : '---'));
  return [line(titles), line(rule), ...rows.map(line)].join('\n');
}
