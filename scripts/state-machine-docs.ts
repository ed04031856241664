import { mermaidDiagram, transitionTable } from '../src/state-machine/diagram.ts';
import type { Subject } from '../src/state-machine/transition.ts';

/** The text of docs/state-machines.md: a diagram and a table for each machine. */
export function stateMachineDocs(): string {
  return `# State machines

Both machines begin with \`pending\`, for which no row is stored. Each arrow is one row in the
transition table, with the event that the same statement stores; a condition in brackets is checked
by that statement.

${section('Task', 'task')}

${section('Workflow step', 'step')}

\`increment\`: one more. \`now\`: the instant of the transition. \`given\`: what the caller hands over.
\`given or kept\`: the same where something is handed over. Columns that are not named stay as they
are.

<!-- Generated from src/state-machine by \`npm run docs:state-machines\`; edit the tables there. -->
`;
}

function section(title: string, subject: Subject): string {
  const rows = transitionTable(subject).map(
    ([from, to, event, guards, writes]) =>
      `| ${from} | ${to} | \`${event}\` | ${guards} | ${writes} |`,
  );
  return `## ${title}

\`\`\`mermaid
${mermaidDiagram(subject)}
\`\`\`

| from | to | event | condition | columns written |
| --- | --- | --- | --- | --- |
${rows.join('\n')}`;
}
