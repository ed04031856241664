import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A function that a Rust crate shows to others. */
export interface PublicFunction {
  /** The file's name without its ending, which is the module's. */
  readonly module: string;
  readonly name: string;
  /** Compiled into its callers always, so that no run of it can be seen. */
  readonly isInlined: boolean;
}

/** The public functions of a source text, those of types and of macros included. */
export function publicFunctions(module: string, text: string): PublicFunction[] {
  const [source] = text.split(/^#\[cfg\(test\)\]/m) as [string];
  const found = source.matchAll(
    /((?:^ *#\[.*\]\n)*)^ *pub (?:const )?(?:unsafe )?(?:async )?fn (\w+)/gm,
  );
  return [...found].map(([, attributes = '', name = '']) => ({
    module,
    name,
    isInlined: attributes.includes('#[inline(always)]'),
  }));
}

/** The same of every file of a crate. */
export function publicFunctionsOf(folder: string): PublicFunction[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.rs'))
    .toSorted()
    .flatMap((file) =>
      publicFunctions(basename(file, '.rs'), readFileSync(join(folder, file), 'utf8')),
    );
}

/** Names of the functions that ran, as callgrind writes them, without their generic arguments. */
export function functionsThatRan(profile: string): Set<string> {
  const names = [...profile.matchAll(/^c?fn=\(\d+\) (.+)$/gm)].map(([, name = '']) => name);
  return new Set(names.map(withoutGenerics));
}

function withoutGenerics(name: string): string {
  let plain = name;
  for (let before = ''; before !== plain;) {
    before = plain;
    // the arguments go, a type that stands in angle brackets for itself stays: <crate::Type>::name
    plain = plain.replace(/(?<=[\w:])<[^<>]*>/g, '').replace(/^<([^<>]*)>::/, '$1::');
  }
  return plain.replaceAll('::::', '::').replace(/'\d+$/, '');
}

/**
 * Public functions of `crate` that did not run. One that is always inlined counts as run where
 * `tests` names it.
 */
export function unreached(
  crate: string,
  functions: readonly PublicFunction[],
  ran: ReadonlySet<string>,
  tests: string,
): PublicFunction[] {
  return functions.filter(({ module, name, isInlined }) => {
    if (isInlined) return !new RegExp(`\\b${name}\\(`).test(tests);
    const path = module === 'lib' ? `${crate}::` : `${crate}::(?:\\w+::)*?${module}::`;
    const pattern = new RegExp(`^${path}(?:\\w+::)*${name}$`);
    return ![...ran].some((one) => pattern.test(one));
  });
}
