import { describe, expect, it } from 'vitest';
import { ManualClock } from '../clock';
import { attention, TypingList, TypingSender, type NotifyContext, type TypingState } from './index';

const context: NotifyContext = {
  enabled: true,
  own: false,
  replay: false,
  direct: false,
  mention: true,
  muted: false,
  looking: false,
  sinceLast: 10_000,
};

describe('attention', () => {
  it.each<[string, Partial<NotifyContext>, ReturnType<typeof attention>]>([
    ['a mention elsewhere', {}, 'toast'],
    ['a direct message', { mention: false, direct: true }, 'toast'],
    ['an own message', { own: true }, 'none'],
    ['history', { replay: true }, 'none'],
    ['an ordinary message', { mention: false }, 'mark'],
    ['a mention before my eyes', { looking: true }, 'mark'],
    ['a mention with notifications off', { enabled: false }, 'badge'],
    ['the second within half a second', { sinceLast: 100 }, 'badge'],
    ['a mention in a muted room', { muted: true }, 'badge'],
    ['a direct message that is muted', { muted: true, mention: false, direct: true }, 'mark'],
  ])('%s', (_, change, expected) => {
    expect(attention({ ...context, ...change })).toBe(expected);
  });
});

describe('typing', () => {
  function sender(): { clock: ManualClock; sent: TypingState[]; typing: TypingSender } {
    const clock = new ManualClock(0);
    const sent: TypingState[] = [];
    return { clock, sent, typing: new TypingSender(clock, (state) => sent.push(state)) };
  }

  it('tells at most every 3 s, pauses when still, and is done when cleared', () => {
    const { clock, sent, typing } = sender();
    for (let i = 0; i < 7; i++) {
      typing.changed('x'.repeat(i + 1));
      clock.advance(1000);
    }
    expect(sent).toEqual(['active', 'active', 'active']);
    clock.advance(4000);
    expect(sent.at(-1)).toBe('paused');
    typing.changed('');
    expect(sent.at(-1)).toBe('done');
  });

  it('says nothing for commands and nothing after sending', () => {
    const { clock, sent, typing } = sender();
    typing.changed('/msg anna secret');
    clock.advance(10_000);
    expect(sent).toEqual([]);
    typing.changed('hello');
    typing.sent();
    clock.advance(10_000);
    expect(sent).toEqual(['active']);
  });

  it('drops a person after 6 s, after 30 s of pause, or with their message', () => {
    const clock = new ManualClock(0);
    const list = new TypingList(clock, () => undefined);
    list.heard('anna', 'active');
    list.heard('luca', 'paused');
    clock.advance(6000);
    expect(list.nicks).toEqual(['luca']);
    clock.advance(24_000);
    expect(list.nicks).toEqual([]);
    list.heard('eva', 'active');
    list.drop('Eva');
    expect(list.nicks).toEqual([]);
    list.heard('eva', 'active');
    list.heard('eva', 'done');
    expect(list.nicks).toEqual([]);
  });
});
