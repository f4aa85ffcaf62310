import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const assets = new URL('../dist/assets/', import.meta.url);

/** Bytes after gzip of every built file that ends so. */
function gzipped(ending: string): number {
  return readdirSync(assets)
    .filter((name) => name.endsWith(ending))
    .reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, assets))).length, 0);
}

describe('what a browser has to load', () => {
  it('is at most 120 KB of scripts', () => {
    expect(gzipped('.js')).toBeLessThanOrEqual(120 * 1024);
  });

  it('is at most 20 KB of styles', () => {
    expect(gzipped('.css')).toBeLessThanOrEqual(20 * 1024);
  });

  it('has no inline script or style, which the content security policy forbids', () => {
    const page = readFileSync(new URL('../dist/index.html', import.meta.url), 'utf8');
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=/);
    expect(page).not.toMatch(/https?:\/\//);
  });
});
