import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';

/** A package as a registry offers it. */
export interface Published {
  /** Its `package.json`. */
  readonly manifest: { readonly name: string; readonly version: string };
  readonly tarball: string;
}

/** A registry on this machine that holds a few packages and nothing else. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** Names that were asked for. */
  readonly asked: ReadonlySet<string>;
}

/** Serves packages to npm, for a scope of their own. */
export async function servePackages(packages: readonly Published[]): Promise<Registry> {
  const asked = new Set<string>();
  const served = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const body = served.get(path);
    if (!path.endsWith('.tgz')) asked.add(path.slice(1));
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  for (const { manifest, tarball } of packages) {
    const bytes = await readFile(tarball);
    const { name, version } = manifest;
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    const dist = { tarball: `${url}${basename(tarball)}`, integrity };
    const versions = { [version]: { ...manifest, dist } };
    served.set(`/${basename(tarball)}`, bytes);
    const document = { name, 'dist-tags': { latest: version }, versions };
    served.set(`/${name}`, Buffer.from(JSON.stringify(document)));
  }
  return {
    url,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
