import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

const folder = new URL('../../examples/', import.meta.url);

/** A line that each example prints; a new example is a new row. */
const LINES: Readonly<Record<string, RegExp>> = {
  'diamond-with-retries.ts':
    /^from B-12, paid at attempt 3\ncharge: 2 failed, then complete\nreserve: 1 failed, then complete\n$/,
  'failure-and-redrive.ts':
    /^TASKER_TASK_FAILED: .*charge failed after 1 attempt: card declined.*\nafter the redrive: {"charge":"charged","receipt":{"charge":"charged"}}$/m,
  'in-transaction.ts': /^1 task, with \{"name":"Ann"\}$/m,
  'order-chain.ts':
    /^R-1650 goes out with task \d+\norder: nothing -> pending\n(?:.+\n)+order: in_progress -> complete\n$/,
  'sample-workflows.ts': /^(?:[a-z_]+: complete, \d+ steps\n){7}$/,
  'two-processes.ts': /^all tasks complete, run by 2 processes$/m,
  'analyze-task.ts': /^23 s by way of reserve, charge, ship\npack may take 15 s more\n$/,
  'ready-index.ts': /^100 steps may run, step 10 first\n100 steps may run, step 11 first\n$/,
  'resident-graph.ts':
    /^task 2: reserve\ntask 1: reserve\n(?:task \d: \w+\n){6}task 2 is complete\ntask 1 is complete\n$/,
  'resolve-rows.ts': /Step 12 \(reserve_stock\) of task 1 may run now/,
  'resolve-database.ts':
    /^\d+ unfinished tasks, \d+ steps, \d+ ready to run\ntask 1 is [a-z_]+, \d+/,
};

describe('examples', () => {
  test('each has a row here', async () => {
    expect((await readdir(folder)).filter((name) => name.endsWith('.ts')).toSorted()).toEqual(
      Object.keys(LINES).toSorted(),
    );
  });

  // some wait for their retries
  test.concurrent.each(Object.entries(LINES))('%s runs as it stands', async (name, line) => {
    const script = new URL(name, folder).pathname;
    const ended = await promisify(execFile)(process.execPath, [script]);
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(line);
  });
});
