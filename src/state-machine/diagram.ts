import { type Subject, MACHINES } from './transition.ts';
import type { Machine } from './machine.ts';
import { INITIAL_STATE, WORKFLOW_STATES } from './states.ts';

/** The machine as a Mermaid state diagram: each arrow with its event, guards in brackets. */
export function mermaidDiagram(subject: Subject): string {
  const machine: Machine = MACHINES[subject];
  const lines = ['stateDiagram-v2', `  [*] --> ${INITIAL_STATE}`];
  for (const from of WORKFLOW_STATES) {
    const rules = Object.entries(machine[from]);
    for (const [to, { event, guards = [] }] of rules) {
      const condition = guards.length === 0 ? '' : ` [${guards.join(', ')}]`;
      lines.push(`  ${from} --> ${to}: ${event}${condition}`);
    }
    if (rules.length === 0) lines.push(`  ${from} --> [*]`);
  }
  return lines.join('\n');
}

/** The machine as rows of a table: from, to, event, guards, columns written. */
export function transitionTable(subject: Subject): string[][] {
  const machine: Machine = MACHINES[subject];
  return WORKFLOW_STATES.flatMap((from) =>
    Object.entries(machine[from]).map(([to, { event, guards = [], writes = {} }]) => [
      from,
      to,
      event,
      guards.join(', '),
      Object.entries(writes)
        .map(([column, write]) => `${column}: ${String(write).replaceAll('_', ' ')}`)
        .join(', '),
    ]),
  );
}
