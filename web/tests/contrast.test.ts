import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');
const tokens = new Map(
  [...css.matchAll(/--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g)].map(
    ([, name = '', light = '', dark = '']) => [name, { light, dark }],
  ),
);

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast of two colours by WCAG 2.2. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const surfaces = ['canvas', 'sunken', 'raised', 'hover'];
const pairs: [string, readonly string[], number][] = [
  ['text', [...surfaces, 'selected', 'mention-bg', 'code-bg', 'danger-soft', 'warn-soft'], 7],
  ['text-2', [...surfaces, 'selected', 'mention-bg'], 4.5],
  ['muted', [...surfaces, 'selected', 'mention-bg'], 4.5],
  ['accent', surfaces, 4.5],
  ['on-accent', ['accent', 'accent-hover'], 4.5],
  ['accent-soft-text', ['accent-soft'], 4.5],
  ['danger', ['canvas', 'danger-soft'], 4.5],
  ['warn', ['warn-soft'], 4.5],
  ['ok', ['ok-soft'], 4.5],
  ['unread-line', ['canvas'], 4.5],
  ['border-strong', ['canvas', 'sunken', 'raised'], 3],
  ['focus', ['canvas', 'sunken', 'raised'], 3],
  ['online', ['canvas', 'sunken'], 3],
  ['away', ['canvas', 'sunken'], 3],
  ...Array.from({ length: 12 }, (_, hue): [string, readonly string[], number] => [
    `nick-${hue}`,
    [...surfaces, 'mention-bg'],
    4.5,
  ]),
];

describe.each(['light', 'dark'] as const)('%s', (scheme) => {
  it.each(pairs)('%s can be read on %s', (name, grounds, least) => {
    const colour = tokens.get(name)?.[scheme] ?? '';
    expect(colour).toMatch(/^#/);
    for (const ground of grounds) {
      const ratio = contrast(colour, tokens.get(ground)?.[scheme] ?? '');
      expect(ratio, `${name} on ${ground}`).toBeGreaterThanOrEqual(least);
    }
  });
});
