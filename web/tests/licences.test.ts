import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ALLOWED =
  /^\(?(?:MIT|MIT-0|ISC|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|0BSD|MPL-2\.0|Zlib|Unicode-3\.0|Unicode-DFS-2016|CC0-1\.0|BlueOak-1\.0\.0|Python-2\.0|CC-BY-4\.0|Unlicense)(?: (?:OR|AND) [\w.-]+)*\)?$/;

interface Lock {
  packages: Record<string, { version?: string; license?: string; resolved?: string; dev?: boolean }>;
}

const root = new URL('../', import.meta.url);
const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as Lock;

it('every dependency has a licence that we can live with', () => {
  const odd = Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, { license }]) => {
      const manifest = new URL(`${path}/package.json`, root);
      const stated =
        license ??
        (existsSync(manifest)
          ? (JSON.parse(readFileSync(manifest, 'utf8')) as { license?: string }).license
          : undefined);
      return [path, stated ?? 'none'] as const;
    })
    .filter(([, stated]) => !ALLOWED.test(stated));
  expect(odd).toEqual([]);
});

it('every dependency is pinned, and the lock names no host', () => {
  const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  for (const [name, version] of Object.entries(devDependencies))
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
