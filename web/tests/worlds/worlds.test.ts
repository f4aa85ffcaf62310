import { expect, it } from 'vitest';
import { World } from './world';

/**
 * `WORLDS=5000 npx vitest run tests/worlds` lives through more of them, `WORLD=43` through one. A seed that fails, fails
 * every time.
 */
const only = process.env['WORLD'];
const first = Number(only ?? process.env['FIRST'] ?? 1);
const count = only === undefined ? Number(process.env['WORLDS'] ?? 1200) : 1;
const STEPS = Number(process.env['STEPS'] ?? 160);

it(
  `shows what the server keeps, once, in order, without a hole that it does not show, in ${count} worlds`,
  { timeout: 600_000 },
  async () => {
    const failed: string[] = [];
    for (let seed = first; seed < first + count && failed.length < 5; seed++) {
      try {
        await new World(seed, only === undefined ? undefined : (text) => console.log(text)).run(STEPS);
      } catch (error) {
        failed.push(`world ${seed}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    expect(failed.join('\n')).toBe('');
  },
);
