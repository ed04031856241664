import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const generated = new Set(['node_modules', 'dist', 'coverage', 'target', 'peers']);
const pages = globSync('**/*.md', {
  cwd: root,
  withFileTypes: true,
  exclude: (entry) => generated.has(entry.name),
}).map((entry) => relative(root, join(entry.parentPath, entry.name)));

/** Targets of `[text](target)` outside code blocks, without the ones that lead out of the checkout. */
function localTargets(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:|^#/i.test(target));
}

test('a link in code is no link, one in prose is', () => {
  const markdown =
    'See [a](a.md) and `[b](b.md)` and [c](https://example.org)\n```\n[d](d.md)\n```\n';
  expect(localTargets(markdown)).toEqual(['a.md']);
});

test.each(pages)('%s links to files that exist', (page) => {
  const targets = localTargets(readFileSync(resolve(root, page), 'utf8'));
  const dead = targets.filter((target) => {
    const path = decodeURIComponent(target.replace(/#.*$/, ''));
    return !existsSync(resolve(root, dirname(page), path));
  });
  expect(dead).toEqual([]);
});
