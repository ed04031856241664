import semver from 'semver';
import { TaskerError } from '../errors.ts';
import { didYouMean } from './nearest-name.ts';
import type { TaskTemplate } from './task-template.ts';

/** What a template is looked up by. */
export interface TemplateKey {
  /** Default `default`. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** An exact version, or `latest`. Default `0.1.0`. */
  readonly version?: string | undefined;
}

/** Templates by namespace, name and version, all compared as exact text. */
export class TemplateRegistry {
  readonly #namespaces = new Map<string, Map<string, Map<string, TaskTemplate>>>();

  /**
   * Registers a template; tasks that run already keep the graph they were created with.
   *
   * @param options.replace takes the place of a template of the same key; default false
   * @throws TaskerError `TASKER_DUPLICATE_TEMPLATE`
   */
  register<Context, Results>(
    template: TaskTemplate<Context, Results>,
    { replace = false }: { readonly replace?: boolean } = {},
  ): TaskTemplate<Context, Results> {
    const { namespace, name, version } = template;
    const versions = entry(entry(this.#namespaces, namespace), name);
    const known = versions.get(version);
    if (known !== undefined && !replace) {
      const places = known.source === undefined ? '' : ` (${known.source.file})`;
      throw new TaskerError(
        'TASKER_DUPLICATE_TEMPLATE',
        `The template ${namespace}.${name}@${version} is registered already${places}.`,
        {
          remedy: 'Give it another version, or pass replace: true.',
          data: { namespace, name, version },
        },
      );
    }
    versions.set(version, template);
    return template;
  }

  /** The template of a key, or nothing. */
  find({ namespace = 'default', name, version = '0.1.0' }: TemplateKey): TaskTemplate | undefined {
    const versions = this.#namespaces.get(namespace)?.get(name);
    if (versions === undefined) return undefined;
    return versions.get(version === 'latest' ? latestOf(versions.keys()) : version);
  }

  /**
   * The template of a key.
   *
   * @throws TaskerError `TASKER_UNKNOWN_TEMPLATE`, naming what is near or the versions there are
   */
  get(key: TemplateKey): TaskTemplate {
    const found = this.find(key);
    if (found !== undefined) return found;
    const { namespace = 'default', name, version = '0.1.0' } = key;
    throw new TaskerError(
      'TASKER_UNKNOWN_TEMPLATE',
      `No template ${namespace}.${name}@${version} is registered.`,
      { remedy: this.#remedy(namespace, name), data: { namespace, name, version } },
    );
  }

  /** All templates, or those of one namespace; by namespace, name and version (older first). */
  list(namespace?: string): TaskTemplate[] {
    const spaces = namespace === undefined ? this.namespaces() : [namespace];
    return spaces.flatMap((space) =>
      [...(this.#namespaces.get(space) ?? [])]
        .sort(([a], [b]) => byText(a, b))
        .flatMap(([, versions]) =>
          [...versions.values()].sort((a, b) => byVersion(a.version, b.version)),
        ),
    );
  }

  /** Namespaces in order; `default` is always one of them. */
  namespaces(): string[] {
    return [...new Set(['default', ...this.#namespaces.keys()])].sort(byText);
  }

  #remedy(namespace: string, name: string): string {
    const versions = this.#namespaces.get(namespace)?.get(name);
    if (versions !== undefined) {
      return `There is ${[...versions.keys()].sort(byVersion).join(', ')}.`;
    }
    const others = this.namespaces().filter((space) => this.#namespaces.get(space)?.has(name));
    if (others.length > 0) return `The namespace ${others.join(', ')} has a template of that name.`;
    const known = this.list().map((template) => `${template.namespace}.${template.name}`);
    return didYouMean(`${namespace}.${name}`, new Set(known)) ?? 'Register it first.';
  }
}

/**
 * The latest of versions by semantic versioning; a pre-release only where there is no release, a
 * text that is no semantic version only where there is nothing else.
 */
export function latestOf(versions: Iterable<string>): string {
  const all = [...versions];
  const valid = all.filter((version) => semver.valid(version) !== null);
  const releases = valid.filter((version) => semver.prerelease(version) === null);
  const candidates = [releases, valid, all].find((some) => some.length > 0) ?? [''];
  return candidates.sort(byVersion).at(-1) as string;
}

/** Texts that are no semantic version before those that are. */
function byVersion(a: string, b: string): number {
  const [left, right] = [semver.valid(a) !== null, semver.valid(b) !== null];
  if (left && right) return semver.compareBuild(a, b) || byText(a, b);
  if (!left && !right) return byText(a, b);
  return left ? 1 : -1;
}

function byText(a: string, b: string): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

function entry<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = map.get(key);
  if (inner === undefined) map.set(key, (inner = new Map<string, V>()));
  return inner;
}
