import { describe, expect, it } from 'vitest';
import { rankNicks } from './completion';
import { applyCompletion, complete, InputHistory, parseInput, firstWord } from './index';

describe('parseInput', () => {
  it('tells text from commands', () => {
    expect(parseInput('hello')).toEqual({ kind: 'say', text: 'hello' });
    expect(parseInput('  ')).toEqual({ kind: 'empty' });
    expect(parseInput('/join #a key')).toEqual({ kind: 'command', name: 'join', args: '#a key' });
    expect(parseInput('/J #a')).toEqual({ kind: 'command', name: 'join', args: '#a' });
    expect(parseInput('//etc/passwd')).toEqual({ kind: 'say', text: '/etc/passwd' });
  });

  it('never lets an unknown or spoiled command become text', () => {
    for (const text of ['/msgg anna secret', '/', '/ join', '/usr/bin', '/join #a\nsecond line'])
      expect(parseInput(text).kind).toBe('unknown');
  });

  it('takes the first word', () => {
    expect(firstWord('anna  how are you')).toEqual(['anna', 'how are you']);
    expect(firstWord('')).toEqual(['', '']);
  });
});

describe('completion', () => {
  const people = [
    { nick: 'anna', lastSpoke: 5 },
    { nick: 'Andrea', lastSpoke: 9 },
    { nick: 'luca', lastSpoke: 1 },
    { nick: 'susanna', lastSpoke: 99 },
    { nick: 'me', lastSpoke: 100 },
  ];
  const sources = { people, rooms: ['#rust', '#rome'], commands: ['join', 'part', 'msg'], self: 'me' };

  it('ranks by prefix, then by who spoke last, and never names oneself', () => {
    expect(rankNicks('an', people, 'me')).toEqual(['Andrea', 'anna', 'susanna']);
    expect(rankNicks('', people, 'me')).toEqual(['susanna', 'Andrea', 'anna', 'luca']);
    expect(rankNicks('m', people, 'me')).toEqual([]);
  });

  it('opens by itself at @, #x and / and elsewhere only when asked', () => {
    expect(complete('@a', 2, false, sources)?.kind).toBe('nick');
    expect(complete('mail a@b', 8, false, sources)).toBeUndefined();
    expect(complete('#r', 2, false, sources)?.matches).toEqual(['#rust', '#rome']);
    expect(complete('/', 1, false, sources)?.matches).toEqual(['/join', '/part', '/msg']);
    expect(complete('/join', 5, false, sources)).toBeUndefined();
    expect(complete('lu', 2, false, sources)).toBeUndefined();
    expect(complete('lu', 2, true, sources)?.matches).toEqual(['luca']);
  });

  it('writes a colon at the start of the line only', () => {
    const start = complete('lu', 2, true, sources);
    expect(start && applyCompletion('lu', start, 'luca')).toEqual({ text: 'luca: ', caret: 6 });
    const later = complete('hi lu there', 5, true, sources);
    expect(later && applyCompletion('hi lu there', later, 'luca')).toEqual({
      text: 'hi luca there',
      caret: 8,
    });
  });
});

describe('InputHistory', () => {
  it('walks back and forth and brings the unfinished text back', () => {
    const history = new InputHistory();
    history.add('one');
    history.add('two');
    history.add('two');
    expect(history.older('draft')).toBe('two');
    expect(history.older('')).toBe('one');
    expect(history.older('')).toBeUndefined();
    expect(history.newer()).toBe('two');
    expect(history.newer()).toBe('draft');
    expect(history.newer()).toBeUndefined();
  });
});
