import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Document,
  type Node,
  type ParsedNode,
  parseDocument,
  type ScalarTag,
  type Tags,
  type YAMLMap,
} from 'yaml';

/** A mapping of a YAML file as a plain object. */
export type YamlMap = Record<string, unknown>;

/** A place in a file, both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong at which offset of the text. */
export interface OffsetProblem {
  readonly offset: number;
  readonly message: string;
}

/** Remembers where every member of every mapping and list stands, through copies and merges. */
export class YamlPlaces {
  readonly #lines: LineCounter;
  readonly #own = new WeakMap<object, number>();
  readonly #members = new WeakMap<object, Map<string, number>>();

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  /** Notes where a mapping or list begins. */
  begin(container: object, offset: number): void {
    this.#own.set(container, offset);
    this.#members.set(container, new Map());
  }

  /** Notes where a member of it stands. */
  note(container: object, key: string | number, offset: number): void {
    this.#members.get(container)?.set(String(key), offset);
  }

  /** Gives `to` the places of `from`. */
  copy(from: object, to: object): void {
    this.begin(to, this.#own.get(from) ?? 0);
    for (const [key, offset] of this.#members.get(from) ?? []) this.note(to, key, offset);
  }

  /** Offset of a member; of the container, where it has no such member. */
  offset(container: object, key: string | number): number {
    return this.#members.get(container)?.get(String(key)) ?? this.#own.get(container) ?? 0;
  }

  /** Line and column of what a path of keys leads to, or of the last part of it that exists. */
  at(root: object, path: readonly (string | number)[]): Place {
    let container: unknown = root;
    let offset = this.#own.get(root) ?? 0;
    for (const key of path) {
      if (typeof container !== 'object' || container === null) break;
      offset = this.offset(container, key);
      container = (container as Record<string | number, unknown>)[key];
    }
    return this.place(offset);
  }

  /** Line and column of an offset. */
  place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** A YAML file as plain values. */
export interface YamlSource {
  readonly value: unknown;
  readonly places: YamlPlaces;
  /** Syntax errors; the value is not to be used when there are any. */
  readonly problems: readonly OffsetProblem[];
}

/**
 * Reads YAML 1.1 as Ruby does: `yes` and `on` are true, `<<` merges; unlike there, dates stay text
 * and `y`, `n` are no booleans here either. Aliases share one object. O(length of the text).
 */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.1',
    customTags: rubyTags,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const places = new YamlPlaces(lines);
  const problems = document.errors.map(({ pos, message }) => ({ offset: pos[0], message }));
  if (problems.length > 0) return { value: undefined, places, problems };
  const reader = new Reader(document, places);
  const value = document.contents === null ? null : reader.read(document.contents);
  return { value, places, problems: reader.problems };
}

/** The tags of YAML 1.1 without dates, binaries and sets, and without `y` and `n`. */
function rubyTags(tags: Tags): Tags {
  const left = new Set(['timestamp', 'binary', 'omap', 'pairs', 'set']);
  const kept: Tags = [];
  for (const tag of tags) {
    if (typeof tag === 'string' || left.has(tag.tag.replace('tag:yaml.org,2002:', ''))) continue;
    if (tag.tag !== 'tag:yaml.org,2002:bool' || !('test' in tag)) kept.push(tag);
    else {
      const words = tag.test?.test('yes') ? 'yes|true|on' : 'no|false|off';
      const bool: ScalarTag = { ...(tag as ScalarTag), test: new RegExp(`^(?:${words})$`, 'i') };
      kept.push(bool);
    }
  }
  return kept;
}

/** Turns nodes into values and notes their places. */
class Reader {
  readonly problems: OffsetProblem[] = [];
  readonly #document: Document.Parsed;
  readonly #places: YamlPlaces;
  readonly #read = new Map<Node, unknown>();
  readonly #open = new Set<Node>();

  constructor(document: Document.Parsed, places: YamlPlaces) {
    this.#document = document;
    this.#places = places;
  }

  read(node: Node | null): unknown {
    if (node === null) return null;
    if (isScalar(node)) return node.value;
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target !== undefined && !this.#open.has(target)) return this.read(target);
      return this.#refuse(node, 'the alias leads to nothing, or into itself');
    }
    const known = this.#read.get(node);
    if (known !== undefined) return known;
    this.#open.add(node);
    const value = isMap(node) ? this.#map(node) : this.#list(node);
    this.#open.delete(node);
    this.#read.set(node, value);
    return value;
  }

  #list(node: Node): unknown[] {
    const list: unknown[] = [];
    this.#places.begin(list, offsetOf(node));
    for (const item of isSeq(node) ? node.items : []) {
      const one = isPair(item) ? null : (item as ParsedNode | null);
      this.#places.note(list, list.length, offsetOf(one, node));
      list.push(this.read(one));
    }
    return list;
  }

  #map(node: YAMLMap): YamlMap {
    const map: YamlMap = {};
    const merged: [Node, unknown][] = [];
    this.#places.begin(map, offsetOf(node));
    for (const { key, value } of node.items as { key: Node; value: Node | null }[]) {
      if (isMerge(key)) {
        const sources = this.read(value);
        for (const source of Array.isArray(sources) ? (sources as unknown[]) : [sources]) {
          merged.push([key, source]);
        }
      } else if (isScalar(key)) {
        this.#set(map, String(key.value), this.read(value), offsetOf(value, key));
      } else {
        this.#refuse(key, 'a key must be plain text');
      }
    }
    // What stands in the mapping itself comes before what is merged into it, earlier before later.
    for (const [key, source] of merged) {
      if (!isYamlMap(source)) {
        this.#refuse(key, 'only mappings can be merged');
        continue;
      }
      for (const [name, value] of Object.entries(source)) {
        if (Object.hasOwn(map, name)) continue;
        this.#set(map, name, value, this.#places.offset(source, name));
      }
    }
    return map;
  }

  #set(map: YamlMap, name: string, value: unknown, offset: number): void {
    setMember(map, name, value);
    this.#places.note(map, name, offset);
  }

  #refuse(node: Node, message: string): undefined {
    this.problems.push({ offset: offsetOf(node), message });
    return undefined;
  }
}

/** Sets a member of its own, also one that is called `__proto__`. */
export function setMember(map: YamlMap, name: string, value: unknown): void {
  Object.defineProperty(map, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Whether a value was a mapping. */
export function isYamlMap(value: unknown): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMerge(key: Node): boolean {
  if (!isScalar(key)) return false;
  const { value } = key;
  return typeof value === 'symbol'
    ? value.description === '<<'
    : value === '<<' && key.type === 'PLAIN';
}

function offsetOf(node: Node | null, otherwise?: Node): number {
  return node?.range?.[0] ?? otherwise?.range?.[0] ?? 0;
}
