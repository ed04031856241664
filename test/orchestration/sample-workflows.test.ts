import { describe, expect, inject, it } from 'vitest';

import { SAMPLE_WORKFLOWS } from '../../src/samples/workflows/sample-workflows.ts';
import { sampleTemplates } from '../../src/samples/templates/sample-templates.ts';
import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import { resolveTasks } from '../../src/resolver/index.ts';
import { createTestTasker } from '../../src/testing/index.ts';
import { withClient } from '../database/with-client.ts';

const { url: server } = inject('taskerTestServer');

/** What the stored rows must not hold; each query names the rows that break a rule of the contract. */
const RULES = {
  'one current transition of each task and step that has any': `
    SELECT 'task', task_id FROM tasker_task_transitions
     GROUP BY task_id HAVING count(*) FILTER (WHERE most_recent) <> 1
     UNION ALL
    SELECT 'step', workflow_step_id FROM tasker_workflow_step_transitions
     GROUP BY workflow_step_id HAVING count(*) FILTER (WHERE most_recent) <> 1`,
  'the current transition is the last one': `
    SELECT * FROM (
      SELECT most_recent, sort_key, max(sort_key) OVER (PARTITION BY task_id) AS last
        FROM tasker_task_transitions
       UNION ALL
      SELECT most_recent, sort_key, max(sort_key) OVER (PARTITION BY workflow_step_id)
        FROM tasker_workflow_step_transitions) rows
     WHERE most_recent <> (sort_key = last)`,
  'sort keys go up by ten from ten': `
    SELECT * FROM (
      SELECT sort_key, row_number() OVER (PARTITION BY task_id ORDER BY sort_key) AS place
        FROM tasker_task_transitions
       UNION ALL
      SELECT sort_key, row_number() OVER (PARTITION BY workflow_step_id ORDER BY sort_key)
        FROM tasker_workflow_step_transitions) rows
     WHERE sort_key <> 10 * place`,
  'each transition leaves the state that the one before reached': `
    SELECT * FROM (
      SELECT from_state, lag(to_state, 1, 'pending') OVER (PARTITION BY task_id ORDER BY sort_key) AS before
        FROM tasker_task_transitions
       UNION ALL
      SELECT from_state, lag(to_state, 1, 'pending') OVER (PARTITION BY workflow_step_id ORDER BY sort_key)
        FROM tasker_workflow_step_transitions) rows
     WHERE from_state IS DISTINCT FROM before`,
  'no instant before the one before': `
    SELECT * FROM (
      SELECT created_at, lag(created_at) OVER (PARTITION BY task_id ORDER BY sort_key) AS before
        FROM tasker_task_transitions
       UNION ALL
      SELECT created_at, lag(created_at) OVER (PARTITION BY workflow_step_id ORDER BY sort_key)
        FROM tasker_workflow_step_transitions) rows
     WHERE created_at < before`,
  'columns of a completed step': `
    SELECT s.* FROM tasker_workflow_steps s
      JOIN tasker_workflow_step_transitions x USING (workflow_step_id)
     WHERE x.most_recent AND x.to_state = 'complete'
       AND (s.processed, s.in_process, s.processed_at IS NULL) IS DISTINCT FROM (true, false, false)`,
  'every attempt was claimed and ended once': `
    SELECT s.workflow_step_id FROM tasker_workflow_steps s
      LEFT JOIN tasker_workflow_step_transitions x USING (workflow_step_id)
     GROUP BY s.workflow_step_id, s.attempts
    HAVING count(*) FILTER (WHERE x.to_state = 'in_progress') IS DISTINCT FROM s.attempts
        OR count(*) FILTER (WHERE x.to_state IN ('complete', 'error')) IS DISTINCT FROM s.attempts`,
  'no step began before its parents were complete': `
    SELECT e.* FROM tasker_workflow_step_edges e
      JOIN tasker_workflow_step_transitions p ON p.workflow_step_id = e.from_step_id AND p.most_recent
      JOIN tasker_workflow_step_transitions c ON c.workflow_step_id = e.to_step_id AND c.sort_key = 10
     WHERE p.to_state <> 'complete' OR c.created_at < p.created_at`,
  'a complete task is marked so': `
    SELECT t.task_id FROM tasker_tasks t
      JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
     WHERE t.complete IS DISTINCT FROM (x.to_state = 'complete')`,
};

describe.each(['lean', 'rails'] as const)('on the %s index set', (indexes) => {
  it('all sample workflows complete, and what is stored is as the contract wants it', async () => {
    const samples = sampleTemplates();
    expect(samples).toHaveLength(17);
    const templates = samples.map(({ template }) => template);
    await using test = await createTestTasker({ templates, server, indexes });
    const handles = await Promise.all(
      samples.map(({ template, context }) => test.createTask(template, { context })),
    );
    const failures = SAMPLE_WORKFLOWS.flatMap(({ steps }) => steps.flatMap((s) => s.failures));
    expect(await test.runUntilIdle()).toMatchObject({
      completedSteps: SAMPLE_WORKFLOWS.reduce((sum, { steps }) => sum + steps.length, 0),
      failedAttempts: failures.length,
      endedTasks: 17,
      unfinished: [],
    });
    for (const [at, handle] of handles.entries()) {
      const { name, steps: wanted } = SAMPLE_WORKFLOWS[at] as (typeof SAMPLE_WORKFLOWS)[number];
      const { state, steps } = await test.inspect(handle);
      expect(state, name).toBe('complete');
      expect(
        Object.values(steps).map((step) => [step.name, step.state, step.attempts]),
        name,
      ).toEqual(wanted.map((step) => [step.name, 'complete', step.failures.length + 1]));
      const events = (await test.events(handle)).map((event) => event.name);
      expect(events.at(0), name).toBe('task.start_requested');
      expect(events.at(-1), name).toBe('task.completed');
    }
    await withClient(test.url, async (client) => {
      for (const [rule, text] of Object.entries(RULES)) {
        expect((await client.query<object>(text)).rows, rule).toEqual([]);
      }
    });
    // the Rails engine's own rules see the same
    const run = resolveTasks(databaseSource({ url: test.url }, { kind: 'all' }), {
      rules: 'rails',
      backend: 'inline',
    });
    const found: object[] = [];
    for await (const chunk of run) {
      for (const context of chunk.contexts()) {
        expect(context).toMatchObject({
          execution_status: 'all_complete',
          completed_steps: context.total_steps,
          health_status: 'healthy',
        });
        found.push(context);
      }
      for (const row of chunk.readiness()) expect(row.current_state).toBe('complete');
    }
    expect(found).toHaveLength(17);
    expect(test.problems).toEqual([]);
  });
});
