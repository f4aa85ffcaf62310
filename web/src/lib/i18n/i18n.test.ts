import { describe, expect, it } from 'vitest';
import { catalogues, DateFormat, pickLanguage } from './index';

const { en, it: italian } = catalogues;

/** Every leaf of a catalogue: its path and its text; functions are called with something for each parameter. */
function leaves(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') {
    const params = new Proxy({} as Record<string, unknown>, {
      get: (_, key) =>
        key === 'n' || key === 'unread' || key === 'mentions' || key === 'messages' || key === 'people'
          ? 2
          : key === 'names'
            ? ['A', 'B']
            : `{${String(key)}}`,
    });
    return [[path, (value as (p: unknown) => string)(params)]];
  }
  return Object.entries(value as object).flatMap(([key, each]) => leaves(each, `${path}.${key}`));
}

describe('catalogues', () => {
  const english = new Map(leaves(en));
  const other = new Map(leaves(italian));

  it('have the same keys, none empty', () => {
    expect([...other.keys()]).toEqual([...english.keys()]);
    for (const [key, text] of [...english, ...other]) expect(text.trim(), key).not.toBe('');
  });

  it('use the same parameters in both languages', () => {
    const params = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
    for (const [key, text] of english) expect(params(other.get(key) ?? ''), key).toEqual(params(text));
  });

  it('are translated: hardly a text is the same in both', () => {
    const same = [...english]
      .filter(([key, text]) => other.get(key) === text && /[a-z]{4}/i.test(text))
      .map(([key]) => key);
    expect(
      same.filter((key) => !/\.(password|online|menu|refusal\.other|says|connected|members)/i.test(key))
        .length,
    ).toBeLessThan(12);
  });

  it('has plurals that agree', () => {
    expect(en.people({ n: 1 })).toBe('1 person');
    expect(italian.people({ n: 1 })).toBe('1 persona');
    expect(italian.people({ n: 0 })).toBe('0 persone');
    expect(italian.joinedRoom({ names: ['Anna'] })).toBe('Anna entra nella stanza');
    expect(italian.joinedRoom({ names: ['Anna', 'Luca'] })).toBe('Anna e Luca entrano nella stanza');
    expect(en.joinedRoom({ names: ['Anna', 'Luca', 'Eva'] })).toMatch(
      /^Anna, Luca,? and Eva joined the room$/,
    );
  });
});

it('takes the first of the wanted languages that there is', () => {
  expect(pickLanguage(['de-DE', 'it-CH', 'en'])).toBe('it');
  expect(pickLanguage(['fr'])).toBe('en');
  expect(pickLanguage([])).toBe('en');
});

it('names days as a person would', () => {
  const now = new Date(2026, 5, 17, 10).getTime();
  const ago = (days: number): number => new Date(2026, 5, 17 - days, 23).getTime();
  const english = new DateFormat('en');
  const italian2 = new DateFormat('it');
  expect([english.day(ago(0), now), english.day(ago(1), now), english.day(ago(3), now)]).toEqual([
    'Today',
    'Yesterday',
    'Sunday',
  ]);
  expect([italian2.day(ago(0), now), italian2.day(ago(1), now), italian2.day(ago(3), now)]).toEqual([
    'Oggi',
    'Ieri',
    'Domenica',
  ]);
  expect(english.day(ago(30), now)).toContain('2026');
});
