import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, it, onTestFinished, vi } from 'vitest';

import { checkedOptions } from '../../src/orchestration/checked-options.ts';
import { circuitRules } from '../../src/policies/circuit-options.ts';
import { concurrencyRules } from '../../src/policies/concurrency-options.ts';
import { createTestDatabase } from '../support/database.ts';

// starts a compiler, engines and an embedded server on a machine that may be slow
vi.setConfig({ testTimeout: 240_000 });

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = await readFile(join(ROOT, 'docs/running-workflows.md'), 'utf8');
const source = await readFile(join(ROOT, 'src/options.ts'), 'utf8');

/** Properties of an interface of src/options.ts, those of an object type by `outer.inner`. */
function optionsOf(name: string): string[] {
  const body =
    new RegExp(`^export interface ${name} \\{\n([^]*?)^\\}`, 'm').exec(source)?.[1] ?? '';
  const found: string[] = [];
  let outer = '';
  for (const line of body.split('\n')) {
    const own = /^ {2}readonly (\w+)\??:/.exec(line)?.[1];
    if (own !== undefined) found.push((outer = own));
    for (const [, inner] of line.slice(2).matchAll(/[ {]readonly (\w+)\??:/g)) {
      if (inner !== own) found.push(`${outer}.${inner}`);
    }
  }
  // an object type that is all there is of an option is named by what it holds
  return found.filter((option) => {
    const holds = found.some((other) => other.startsWith(`${option}.`));
    return !holds || option === 'verify';
  });
}

/** Defaults by option, as the page's tables have them. */
const written = new Map(
  [...page.matchAll(/^\| `([\w.]+)` \| ([^|]+) \| [^|]+ \|$/gm)].map(
    ([, option = '', standard = '']) => [option, standard.trim().replaceAll('`', '')] as const,
  ),
);

it('lists every option, and none that there is not', () => {
  const groups = [
    ['TaskerOptions', ''],
    ['AdaptiveConcurrency', 'concurrency.'],
    ['CircuitBreakerOptions', 'circuit.'],
    ['EventLogOptions', 'events.'],
  ] as const;
  const options = groups.flatMap(([name, prefix]) => {
    const own = optionsOf(name);
    expect(own.length, name).toBeGreaterThan(4);
    return own.map((option) => prefix + option);
  });
  expect([...written.keys()].toSorted()).toEqual(options.toSorted());
});

it('gives the defaults that hold', () => {
  const all = checkedOptions({});
  const bounds = concurrencyRules();
  const circuit = circuitRules();
  const numbers: Readonly<Record<string, unknown>> = {
    concurrency: all.concurrency,
    lanes: all.lanes,
    'groupCommit.maxSteps': all.groupCommit.maxSteps,
    'groupCommit.waitMs': all.groupCommit.waitMs,
    fleet: all.fleet,
    leaseSeconds: all.leaseSeconds,
    pollSeconds: all.pollSeconds,
    'verify.everySeconds': all.verifySeconds,
    drainSeconds: all.drainSeconds,
    'publishing.batchSize': all.publishing.batchSize,
    'publishing.waitMs': all.publishing.waitMs,
    'publishing.bufferSize': all.publishing.bufferSize,
    'events.partitionDays': all.events.partitionDays,
    'events.partitionsAhead': all.events.partitionsAhead,
    'events.expired': all.events.expired,
    'events.maintenanceSeconds': all.events.maintenanceSeconds,
    'concurrency.min': bounds.min,
    'concurrency.max': bounds.max,
    'concurrency.initial': bounds.initial,
    'concurrency.eventLoopDelayMs': bounds.eventLoopDelayMs,
    'concurrency.poolWaitMs': bounds.poolWaitMs,
    'concurrency.latencyTolerance': bounds.latencyTolerance,
    'circuit.failureRate': circuit.failureRate,
    'circuit.minimumCalls': circuit.minimumCalls,
    'circuit.consecutiveFailures': circuit.consecutiveFailures,
    'circuit.windowSeconds': circuit.windowMicros / 1e6,
    'circuit.openSeconds': circuit.openMicros / 1e6,
    'circuit.openGrowth': circuit.openGrowth,
    'circuit.maxOpenSeconds': circuit.maxOpenMicros / 1e6,
    'circuit.probes': circuit.probes,
    'circuit.probeSuccesses': circuit.probeSuccesses,
    'circuit.probeSeconds': circuit.probeMicros / 1e6,
  };
  for (const [option, value] of Object.entries(numbers)) {
    expect(written.get(option), option).toBe(`${value as number | string}`);
  }
  expect([all.stepTimeoutSeconds, all.events.retentionDays]).toEqual([undefined, undefined]);
  expect(all.maxEventBytes).toBe(1024 * 1024);
});

/** Writes the page's programs, each the blocks that begin with its name, with the package's sources. */
async function writePrograms(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tasker-guide-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const programs = new Map<string, string>();
  for (const [, name = '', text = ''] of page.matchAll(/^```ts\n\/\/ (\S+)\n([^]*?)^```$/gm)) {
    const known = programs.get(name) ?? '';
    const rooted = text
      .replaceAll("from 'tasker-core/testing'", `from '${join(ROOT, 'src/testing/index.ts')}'`)
      .replaceAll("from 'tasker-core'", `from '${join(ROOT, 'src/index.ts')}'`);
    programs.set(name, known + rooted);
  }
  expect([...programs.keys()].toSorted()).toEqual(['main.ts', 'render.ts', 'test.ts', 'video.ts']);
  for (const [name, text] of programs) await writeFile(join(directory, name), text);
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
  const types = join(ROOT, 'node_modules/@types');
  await writeFile(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { typeRoots: [types], rewriteRelativeImportExtensions: false },
      include: ['*.ts'],
    }),
  );
  return directory;
}

it('has programs that compile and run', async () => {
  const directory = await writePrograms();
  const compiler = join(
    createRequire(import.meta.url).resolve('typescript/package.json'),
    '../bin/tsc',
  );
  const run = promisify(execFile);
  const compiled = await run(process.execPath, [compiler, '-p', directory]).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(compiled.stdout).toBe('');
  await using database = await createTestDatabase();
  const env = { ...process.env, DATABASE_URL: database.url };
  const main = await run(process.execPath, [join(directory, 'main.ts')], { env });
  // events come when they come
  expect(main.stdout.match(/^publish 1$/gm)).toHaveLength(22);
  expect(main.stdout.replaceAll(/^publish 1\n/gm, '')).toBe(
    '256745 probe render publish\nfalse true\n20\nnull 3\n',
  );
  const test = await run(process.execPath, [join(directory, 'test.ts')], { env });
  expect(test.stdout).toBe('3 1 complete\n');
});
