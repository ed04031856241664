import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BOUNDARIES,
  GRAPH_ROOMS,
  STAGES,
  WITHOUT_SAMPLES,
  type Boundary,
  type Stage,
} from '../../scripts/boundaries.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const oxlint = join(root, 'node_modules', '.bin', 'oxlint');

/** Where a probe of each stage stands, and what another stage's probe writes to import it. */
const probeOf = (stage: Stage): string => {
  if (stage.endsWith('.ts')) return `src/${stage}`;
  return stage === 'workers' ? 'workers/probe.ts' : `src/${stage}/probe.ts`;
};

const specifier = (from: Stage, to: string): string => {
  const ups = from.endsWith('.ts') ? './' : '../';
  if (from === 'workers') return `../src/${to}`;
  return to.startsWith('workers/') ? `${ups}../${to}` : `${ups}${to}`;
};

interface Probe {
  readonly from: Stage;
  readonly statement: string;
  readonly allowed: boolean;
}

const packageProbes = [
  'pg',
  'pg-copy-streams',
  '@mikro-orm/core',
  'node:fs',
  'node:fs/promises',
  'piscina',
  'commander',
];

function probes(boundary: Boundary): Probe[] {
  const { stage: from, stages, types = [], packages } = boundary;
  const list: Probe[] = [];
  for (const other of STAGES) {
    if (other === from) continue;
    const target = other.endsWith('.ts')
      ? other
      : other === 'workers'
        ? 'workers/probe.ts'
        : `${other}/probe.ts`;
    const path = specifier(from, target);
    list.push({ from, statement: `import '${path}';`, allowed: stages.includes(other) });
    list.push({
      from,
      statement: `import type { T${list.length} } from '${path}';`,
      allowed: stages.includes(other) || types.includes(other),
    });
  }
  for (const part of stages.filter((name) => !STAGES.includes(name as Stage))) {
    list.push({ from, statement: `import '${specifier(from, part)}';`, allowed: true });
  }
  for (const name of packageProbes) {
    list.push({ from, statement: `import '${name}';`, allowed: allows(packages, name) });
  }
  return list;
}

/** The last pattern that matches decides, as in a .gitignore file. */
function allows(packages: readonly string[], name: string): boolean {
  let verdict = false;
  for (const entry of packages) {
    const pattern = entry.replace('!', '').replaceAll('*', '.*');
    if (new RegExp(`^${pattern}$`).test(name)) verdict = !entry.startsWith('!');
  }
  return verdict;
}

const ROOMS = Object.keys(GRAPH_ROOMS);

/** What the probe of a room of `graph` imports: every room, what `graph` may import, and what it may not. */
const roomImports = (room: string): { path: string; allowed: boolean }[] => [
  ...ROOMS.filter((other) => other !== room).map((other) => ({
    path: `../${other}/probe.ts`,
    allowed: GRAPH_ROOMS[room]!.includes(other),
  })),
  { path: './probe.ts', allowed: true },
  { path: '../random.ts', allowed: true },
  { path: '../../errors.ts', allowed: true },
  { path: '../../database/probe.ts', allowed: false },
  { path: 'pg', allowed: false },
];

describe('folder boundaries', () => {
  const all = BOUNDARIES.flatMap((boundary) =>
    boundary.stage.endsWith('.ts') ? [] : probes(boundary),
  );
  let folder = '';
  const reported = new Set<string>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tasker-boundaries-'));
    for (const boundary of BOUNDARIES) {
      const path = join(folder, probeOf(boundary.stage));
      await mkdir(dirname(path), { recursive: true });
      const lines = all
        .filter(({ from }) => from === boundary.stage)
        .map(({ statement }) => statement);
      await writeFile(path, `${lines.join('\n')}\nexport {};\n`);
    }
    for (const room of ROOMS) {
      const path = join(folder, 'src', 'graph', room, 'room.ts');
      await mkdir(dirname(path), { recursive: true });
      const lines = roomImports(room).map((each) => `import '${each.path}';`);
      await writeFile(path, `${lines.join('\n')}\nexport {};\n`);
    }
    await writeFile(join(folder, 'src', 'errors.ts'), `import './graph/probe.ts';\nimport 'pg';\n`);

    for (const name of WITHOUT_SAMPLES) {
      const lines = "import './samples/probe.ts';\nimport './templates/probe.ts';\n";
      await writeFile(join(folder, 'src', name), lines);
    }

    const config = join(root, 'oxlint.config.ts');
    // oxlint ends with 1 when it reports something, which is what is wanted here.
    const { stdout } = await promisify(execFile)(oxlint, ['--config', config, '--format', 'json'], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stdout: string }) => error);
    const { diagnostics } = JSON.parse(stdout) as {
      diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
    };
    for (const { code, filename, labels } of diagnostics) {
      if (code === 'eslint(no-restricted-imports)')
        reported.add(`${filename}:${labels[0]?.span.line}`);
    }
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test.each(BOUNDARIES.filter(({ stage }) => !stage.endsWith('.ts')))(
    '$stage imports what its row names and nothing else',
    ({ stage }) => {
      const lines = all.filter(({ from }) => from === stage);
      const actual = lines.map(({ statement }, index) => ({
        statement,
        allowed: !reported.has(`${probeOf(stage)}:${index + 1}`),
      }));
      expect(actual).toEqual(lines.map(({ statement, allowed }) => ({ statement, allowed })));
    },
  );

  test.each(ROOMS)('graph/%s imports the rooms below it and no other', (room) => {
    const actual = roomImports(room).map(({ path }, index) => ({
      path,
      allowed: !reported.has(`src/graph/${room}/room.ts:${index + 1}`),
    }));
    expect(actual).toEqual(roomImports(room));
  });

  test.each(WITHOUT_SAMPLES)('%s imports everything but samples', (name) => {
    expect(reported).toContain(`src/${name}:1`);
    expect(reported).not.toContain(`src/${name}:2`);
  });

  test('errors.ts imports nothing', () => {
    expect(reported).toContain('src/errors.ts:1');
    expect(reported).toContain('src/errors.ts:2');
  });
});
