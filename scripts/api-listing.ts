import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SyntaxKind } from 'typescript/unstable/ast';
// Unstable by its name, and pinned with the compiler: a new TypeScript may ask for changes here.
import { API, SymbolFlags, type Checker, type Symbol } from 'typescript/unstable/sync';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Characters of type arguments that are still worth reading. */
const LONGEST_FOREIGN_TYPE = 120;

/** A public entry of the package and the text that lists what it exports. */
export interface ApiListing {
  /** Key in the `exports` of package.json, `.` written as `index`. */
  readonly entry: string;
  /** The declarations of every exported name without their comments, in alphabetical order. */
  readonly text: string;
}

/**
 * Lists the public interface: declarations are compiled from the sources into a temporary folder
 * of the checkout, and each name that an entry exports is followed to the place it is declared.
 */
export function listApi(): ApiListing[] {
  // Inside the checkout, so that imports of packages resolve.
  mkdirSync(join(root, '.tasker'), { recursive: true });
  const folder = mkdtempSync(join(root, '.tasker', 'api-'));
  try {
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    const build = ['-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly'];
    execFileSync(tsc, [...build, '--outDir', folder], { stdio: ['ignore', 'inherit', 'inherit'] });
    return listEntries(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Entry names and their declaration files below `folder`. */
function entryFiles(folder: string): [entry: string, file: string][] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string }>;
  };
  return Object.entries(exports).flatMap(([key, target]) =>
    typeof target === 'string'
      ? []
      : [[key === '.' ? 'index' : key.slice(2), join(folder, target.types.replace('./dist/', ''))]],
  );
}

function listEntries(folder: string): ApiListing[] {
  const entries = entryFiles(folder);
  const config = join(folder, 'tsconfig.json');
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    noEmit: true,
    skipLibCheck: true,
  };
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions, files: entries.map(([, file]) => file) }),
  );
  const api = new API({ cwd: folder });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error(`the compiler did not open ${config}`);
    const listings = entries.map(([entry, file]) => {
      const source = project.program.getSourceFile(file);
      const module = source && project.checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${entry} exports nothing`);
      const exported = project.checker.getExportsOfModule(module);
      return {
        entry,
        names: new Map(exported.map((name) => [name.name, describe(name, project.checker)])),
      };
    });
    return listings.map(({ entry, names }) => ({
      entry,
      text: listing(names, listings[0]?.names),
    }));
  } finally {
    api.close();
  }
}

/** One entry's text; what another entry, `main`, exports alike is only named. */
function listing(
  names: ReadonlyMap<string, string>,
  main: ReadonlyMap<string, string> = names,
): string {
  return [...names]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, text]) =>
      main !== names && main.get(name) === text ? `${name}: as in index.txt\n` : text,
    )
    .join('\n');
}

function describe(symbol: Symbol, checker: Checker): string {
  const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const texts = target.declarations.map((handle) => {
    const node = handle.resolve();
    // The declaration of a constant is its name and type; the keyword stands in the statement around it.
    const whole = node?.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node;
    return withoutComments(whole?.getText() ?? '');
  });
  const renamed = target.name === symbol.name ? '' : `// ${target.name} as ${symbol.name}\n`;
  return `${renamed}${texts.map((text) => entityText(text, target, checker)).join('\n')}\n`;
}

/**
 * An entity's columns as its users see them. MikroORM infers entity and schema from builders; the
 * types in between are its own, run to a hundred lines an entity, and are no interface of ours.
 */
function entityText(text: string, symbol: Symbol, checker: Checker): string {
  if (!/^class \w+ extends \w+Schema\.class \{/.test(text)) return withShortTypes(text);
  const columns = checker
    .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
    .filter((column) => !column.name.startsWith('__@')) // keyed by a symbol of MikroORM
    .map((column) => `    ${column.name}: ${columnType(column, checker)};\n`);
  return `${text.slice(0, text.indexOf('{') + 1)}\n${columns.join('')}}`;
}

/** Cuts each inferred type of MikroORM down to its name; a schema keeps entity and table. */
function withShortTypes(text: string): string {
  const opening = /import\("@mikro-orm\/\w+"\)\.(\w+)</g;
  let short = '';
  let end = 0;
  for (const match of text.matchAll(opening)) {
    if (match.index < end) continue; // inside one that was cut
    const inside = match.index + match[0].length;
    const close = closingBracket(text, inside);
    const named = /^"\w+", "\w+"/.exec(text.slice(inside, close))?.[0];
    if (named === undefined && close - inside <= LONGEST_FOREIGN_TYPE) continue;
    short += `${text.slice(end, match.index)}${match[1]}<${named ?? '…'}>`;
    end = close;
  }
  return short + text.slice(end);
}

/** Index behind the `>` that closes a bracket opened before `from`; the `>` of an arrow closes none. */
function closingBracket(text: string, from: number): number {
  let depth = 1;
  let index = from;
  for (; depth > 0 && index < text.length; index++) {
    if (text[index] === '<') depth++;
    else if (text[index] === '>' && text[index - 1] !== '=') depth--;
  }
  return index;
}

function columnType(column: Symbol, checker: Checker): string {
  const type = checker.getTypeOfSymbol(column);
  return type === undefined ? 'unknown' : checker.typeToString(type);
}

function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
    .replaceAll(/^[ \t]*\n/gm, '')
    .replace(/^export (declare )?/, '');
}
