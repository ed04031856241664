import type pg from 'pg';

import { connect } from '../../src/database/connection.ts';
import type { TaskerOptions } from '../../src/options.ts';
import type { CreateTaskOptions } from '../../src/orchestration/task-request.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';
import {
  CHAIN,
  fanDag,
  SAMPLE_DAGS,
  SAMPLE_STEPS,
  type Dag,
  type WorkflowContestant,
} from './workloads.ts';

/** Tasks that one call creates. */
const TASKS_A_CALL = 500;

/** Tasks that wait or run at most while more are created. */
const TASKS_AHEAD = 2000;

/** Our engine, at the options that it has by default. */
export class EngineContestant implements WorkflowContestant {
  readonly remarks = {};
  readonly tasker: Tasker;
  readonly #client: pg.Client;
  readonly #templates: readonly TaskTemplate[];
  readonly #chain: TaskTemplate;
  readonly #fan: TaskTemplate;
  readonly #one: TaskTemplate;
  readonly #problems: string[] = [];
  #ran = 0;
  #firstRun: PromiseWithResolvers<number> | undefined;
  /** What handlers wait for; nothing by default. */
  #holding: Promise<null> | null = null;

  /** Starts the engine on a migrated database. */
  static async start(url: string, fanWidth: number): Promise<EngineContestant> {
    const contestant = await EngineContestant.open(url, fanWidth);
    await contestant.tasker.start();
    return contestant;
  }

  /** An engine that creates tasks and has not started. */
  static async open(
    url: string,
    fanWidth = 1,
    options: Omit<TaskerOptions, 'database' | 'onProblem'> = {},
  ): Promise<EngineContestant> {
    return new EngineContestant({ ...options, database: url }, fanWidth, await connect(url));
  }

  private constructor(options: TaskerOptions, fanWidth: number, client: pg.Client) {
    this.#client = client;
    this.tasker = new Tasker({ ...options, onProblem: (event) => void this.#problems.push(event) });
    this.#templates = SAMPLE_DAGS.map((dag) => this.#template(dag));
    this.#chain = this.#template(CHAIN);
    this.#fan = this.#template(fanDag(fanWidth));
    this.#one = this.#template({ name: 'one', parents: [[]] });
    this.tasker.register(...this.#templates, this.#chain, this.#fan, this.#one);
  }

  #template({ name, parents }: Dag): TaskTemplate {
    const handler = (): Promise<null> | null => {
      this.#ran++;
      this.#firstRun?.resolve(performance.now());
      return this.#holding;
    };
    return createTemplate({
      name,
      steps: parents.map((above, at) => ({
        name: `step_${at}`,
        after: above.map((parent) => `step_${parent}`),
        handler,
      })),
    });
  }

  /** Creates tasks of a step each, none of them waited for. */
  async createSingles(tasks: number): Promise<void> {
    const requests = Array.from({ length: tasks }, () => ({ context: { order: 1 } }));
    await this.tasker.createTasks(this.#one, requests);
  }

  /** Creates tasks of the sample DAGs, none of them waited for. */
  async create(tasks: number, options: CreateTaskOptions = {}): Promise<void> {
    const shares = this.#templates.map((template, at) => ({
      template,
      count: Math.floor((tasks + at) / this.#templates.length),
    }));
    for (const { template, count } of shares) {
      const requests = Array.from({ length: count }, () => ({ context: { order: 1 } }));
      await this.tasker.createTasks(template, requests, options);
    }
  }

  async dags(tasks: number): Promise<number> {
    const before = this.#ran;
    const ended = this.endedTasks;
    const start = performance.now();
    for (let made = 0; made < tasks;) {
      const next = Math.min(TASKS_A_CALL, tasks - made);
      await this.create(next);
      made += next;
      await this.until(ended + made - TASKS_AHEAD);
    }
    await this.until(ended + tasks);
    const ms = performance.now() - start;
    await this.check(before, tasks * SAMPLE_STEPS);
    return ms;
  }

  /** Creates tasks while the engine rests, then starts it: ms from its start to their end. */
  async runOnly(tasks: number): Promise<number> {
    await this.tasker.stop();
    await this.create(tasks);
    const before = this.#ran;
    await this.tasker.start();
    const start = performance.now();
    await this.until(tasks);
    const ms = performance.now() - start;
    await this.check(before, tasks * SAMPLE_STEPS);
    return ms;
  }

  /**
   * From the call of `start()` to the start of the first handler, ms. That handler and those beside
   * it do not return, so that every task that was there stays unfinished.
   */
  async firstRun(): Promise<number> {
    this.#holding = new Promise(() => undefined);
    this.#firstRun = Promise.withResolvers<number>();
    const start = performance.now();
    await this.tasker.start();
    const ms = (await this.#firstRun.promise) - start;
    this.#firstRun = undefined;
    return ms;
  }

  async chain(): Promise<number> {
    return this.#runOne(this.#chain);
  }

  async fan(): Promise<number> {
    return this.#runOne(this.#fan);
  }

  async pickUp(): Promise<number> {
    this.#firstRun = Promise.withResolvers<number>();
    const start = performance.now();
    const handle = await this.tasker.createTask(this.#one, { context: { order: 1 } });
    const ms = (await this.#firstRun.promise) - start;
    this.#firstRun = undefined;
    await handle.result();
    return ms;
  }

  async #runOne(template: TaskTemplate): Promise<number> {
    const before = this.#ran;
    const start = performance.now();
    const handle = await this.tasker.createTask(template, { context: { order: 1 } });
    await handle.result();
    const ms = performance.now() - start;
    await this.check(before, template.steps.length);
    return ms;
  }

  /** Tasks that have ended so far. */
  get endedTasks(): number {
    return this.tasker.engine?.coordinator.memory.counts.endedTasks ?? 0;
  }

  /** Statements of the lanes so far, and the moves they carried. */
  get written(): { readonly statements: number; readonly moves: number } {
    return this.tasker.engine?.coordinator.written ?? { statements: 0, moves: 0 };
  }

  /** Waits until so many tasks have ended. */
  async until(endedTasks: number): Promise<void> {
    while (this.endedTasks < endedTasks) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Every handler was called once, and the database says that every step and task is complete. */
  async check(ranBefore: number, steps: number): Promise<void> {
    const { rows } = await this.#client.query<{ steps: string; tasks: string }>(
      `SELECT (SELECT count(*) FROM tasker_workflow_steps
                WHERE NOT processed OR attempts IS DISTINCT FROM 1)::text AS steps,
              (SELECT count(*) FROM tasker_tasks WHERE complete IS NOT TRUE)::text AS tasks`,
    );
    const wrong = rows[0];
    const ran = this.#ran - ranBefore;
    if (ran === steps && wrong?.steps === '0' && wrong.tasks === '0') return;
    throw new Error(
      `${ran} of ${steps} steps ran; ${wrong?.steps} steps and ${wrong?.tasks} tasks are stored wrong (${this.#problems.join(', ')})`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tasker.stop();
    await this.#client.end();
  }
}
