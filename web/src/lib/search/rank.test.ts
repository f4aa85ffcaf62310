import { describe, expect, it } from 'vitest';
import { frecency, matchScore, rank, type Choice } from './rank';

const choice = (name: string, kind: Choice['kind'] = 'room', unread = 0, mentions = 0): Choice => ({
  id: name,
  name,
  kind,
  unread,
  mentions,
});
const never = (): number => 0;

describe('rank', () => {
  it('prefers exact, then prefix, initials, inside, and letters in order', () => {
    const scores = ['#rust', '#rust-beginners', '#real-usable-stuff', '#trust', '#r-u-xst'].map((name) =>
      matchScore('rust', name),
    );
    expect(scores[0]).toBe(1);
    expect([...scores].sort((a, b) => b - a)[0]).toBe(scores[0]);
    expect(matchScore('rus', '#rust')).toBeGreaterThan(matchScore('rus', '#trust'));
    expect(matchScore('ru', '#real-usable')).toBeGreaterThan(matchScore('ea', '#real-usable'));
    expect(matchScore('xyz', '#rust')).toBe(0);
  });

  it('shows mentions, then unread, then recents when nothing is typed', () => {
    const found = rank(
      '',
      [choice('#a'), choice('#b', 'room', 3), choice('#c', 'room', 1, 1), choice('#d')],
      (id) => (id === '#d' ? 100 : 0),
    );
    expect(found.map((each) => each.name)).toEqual(['#c', '#b', '#d', '#a']);
  });

  it('is narrowed by its first letter', () => {
    const all = [choice('#anna'), choice('anna', 'person'), choice('Annul', 'command')];
    expect(rank('#an', all, never).map((each) => each.kind)).toEqual(['room']);
    expect(rank('@an', all, never).map((each) => each.kind)).toEqual(['person']);
    expect(rank('>an', all, never).map((each) => each.kind)).toEqual(['command']);
  });

  it('weighs visits by their age', () => {
    const hour = 3_600_000;
    const now = 1000 * 24 * hour;
    expect(frecency([now - hour], 1, now)).toBe(100);
    expect(frecency([now - 20 * hour, now - hour], 2, now)).toBe(180);
    expect(frecency([now - 200 * 24 * hour], 1, now)).toBe(0);
    expect(frecency([], 0, now)).toBe(0);
  });

  it('ranks two thousand rooms in a moment', () => {
    const many = Array.from({ length: 2000 }, (_, index) => choice(`#room-${index}`));
    const took = Array.from({ length: 5 }, () => {
      const start = performance.now();
      expect(rank('r19', many, never).length).toBeGreaterThan(0);
      return performance.now() - start;
    });
    // The best of some: a machine that does something else meanwhile says nothing about us.
    expect(Math.min(...took)).toBeLessThan(100);
  });
});
