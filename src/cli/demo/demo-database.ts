import { connect, cutOnAbort, redactUrl } from '../../database/connection.ts';
import { surveyDatabase, type DatabaseSurvey } from '../../database/schema/database-survey.ts';
import { startEmbeddedServer } from '../../database/embedded/embedded-server.ts';
import { migrate } from '../../database/schema/migrate.ts';
import { seedDatabase } from '../../samples/seed/seed-database.ts';
import { TaskerError } from '../../errors.ts';
import { parseMix } from '../../samples/workflows/sample-workflows.ts';
import type { CommandContext } from '../command-context.ts';
import { seedProgress } from '../commands/seed.ts';
import type { Progress } from '../progress.ts';

/** A session on it. */
export type DemoClient = Awaited<ReturnType<typeof connect>>;

/** The database that the demonstration works on. */
export interface DemoDatabase extends AsyncDisposable {
  readonly url: string;
  /** What it is, for the report. */
  readonly origin: string;
}

/**
 * An embedded database filled with `tasks` sample tasks; or the one at `url`, which is filled only
 * when it holds no tasks, and read as it is otherwise.
 *
 * Errors: TASKER_EMBEDDED_UNAVAILABLE, TASKER_DATABASE_UNREACHABLE, TASKER_NOT_TASKER_DATABASE,
 * TASKER_NOT_FOUND where the SQL functions to compare with are missing.
 */
export async function openDemoDatabase(
  context: CommandContext,
  progress: Progress,
  tasks: number,
  url: string | undefined,
): Promise<DemoDatabase> {
  if (url !== undefined) {
    const origin = await prepareGiven(context, progress, tasks, url);
    return { url, origin, [Symbol.asyncDispose]: async () => undefined };
  }
  const server = await startEmbeddedServer({ onProgress: (message) => progress.phase(message) });
  try {
    context.signal.throwIfAborted();
    const created = await server.createDatabase('tasker_demo');
    await fill(context, progress, tasks, created);
    return {
      url: created,
      origin: 'embedded PostgreSQL, gone at the end',
      [Symbol.asyncDispose]: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function prepareGiven(
  context: CommandContext,
  progress: Progress,
  tasks: number,
  url: string,
): Promise<string> {
  progress.phase('connecting');
  const client = await connect(url, { signal: context.signal });
  const uncut = cutOnAbort(client, context.signal);
  let survey: DatabaseSurvey;
  try {
    survey = await surveyDatabase(client);
  } finally {
    uncut();
    await client.end();
  }
  const name = redactUrl(url);
  if (!survey.hasTasks) {
    await fill(context, progress, tasks, url);
    return `${name}, filled with sample tasks`;
  }
  if (survey.hasRailsFunctions) return `${name}, read as it is`;
  throw new TaskerError(
    'TASKER_NOT_FOUND',
    'The database holds tasks, but not the SQL functions to compare with.',
    { remedy: 'Install them with "tasker migrate --rails-functions".' },
  );
}

async function fill(
  context: CommandContext,
  progress: Progress,
  tasks: number,
  url: string,
): Promise<void> {
  const { signal } = context;
  progress.phase('creating the tables');
  await migrate({ url, railsFunctions: true, signal });
  await seedDatabase({ url, tasks, mix: parseMix(), signal, onProgress: seedProgress(progress) });
}
