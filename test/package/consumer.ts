import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The checkout. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** What a program printed and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; a code other than zero is an answer like any other. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<Ended> {
  // an empty project has no addon, whatever this run requires of the checkout
  const { TASKER_NATIVE: _, TASKER_NATIVE_PATH: __, ...env } = process.env;
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, {
      cwd,
      env: { ...env, ...more },
      maxBuffer: 64 << 20,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' };
  }
}

/** Runs a program of the checkout's node_modules/.bin. */
export function runTool(name: string, args: readonly string[], cwd: string): Promise<Ended> {
  return run(join(root, 'node_modules', '.bin', name), args, cwd);
}

/** An empty project somewhere else, with the packed package installed and nothing beside it. */
export interface Consumer extends AsyncDisposable {
  readonly folder: string;
  /** The packed package. */
  readonly tarball: string;
  /** Where npm put it. */
  readonly installed: string;
  /** Writes a file of the project. */
  write(name: string, text: string): Promise<void>;
}

/**
 * Packs the checkout and installs the result into an empty project, without optional packages and
 * without install scripts: what remains must do.
 */
export async function createConsumer(): Promise<Consumer> {
  const base = await mkdtemp(join(tmpdir(), 'tasker-package-'));
  const folder = join(base, 'project');
  await mkdir(folder);
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  await npm(['pack', '--pack-destination', base], root);
  const packed = (await readdir(base)).find((name) => name.endsWith('.tgz'));
  if (packed === undefined) throw new Error('npm pack wrote no package');
  const tarball = join(base, packed);

  await write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  await npm(
    ['install', tarball, '--prefer-offline', '--omit=optional', '--ignore-scripts'],
    folder,
  );
  return {
    folder,
    tarball,
    installed: join(folder, 'node_modules', 'tasker-core'),
    write,
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  const ended = await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], cwd);
  if (ended.code !== 0) throw new Error(`npm ${args[0]} failed:\n${ended.stdout}${ended.stderr}`);
}
