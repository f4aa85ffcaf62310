import { describe, expect, it } from 'vitest';
import type { Entry } from '../timeline';
import { parseMarker, printMarker, ReadState } from './readstate';

const said = (time: number, own = false, mention = false): Entry => ({
  kind: 'message',
  id: `m${time}`,
  time,
  type: 'message',
  nick: own ? 'me' : 'anna',
  text: 'x',
  own,
  mention,
  state: 'sent',
});

describe('ReadState', () => {
  it('counts messages of others after the mark', () => {
    const state = new ReadState(10);
    state.recount([said(5), said(11), said(12, false, true)]);
    expect(state.unread).toEqual({ count: 2, mentions: 1 });
  });

  it('takes an own message as having read all above', () => {
    const state = new ReadState(10);
    state.recount([said(11), said(12, true), said(13)]);
    expect(state.unread).toEqual({ count: 1, mentions: 0 });
  });

  it('never goes back', () => {
    const state = new ReadState(10);
    expect(state.advance(20)).toBe(true);
    expect(state.advance(15)).toBe(false);
    expect(state.readUpTo).toBe(20);
  });

  it('does not count joins and leaves', () => {
    const state = new ReadState(0);
    state.recount([{ kind: 'event', id: 'e', time: 5, event: 'join', nick: 'bo', own: false }]);
    expect(state.unread.count).toBe(0);
  });
});

it('reads and writes markers', () => {
  expect(parseMarker('timestamp=2026-01-02T03:04:05.678Z')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  expect(parseMarker('*')).toBeUndefined();
  expect(parseMarker('timestamp=never')).toBeUndefined();
  expect(parseMarker(undefined)).toBeUndefined();
  expect(printMarker(0)).toBe('timestamp=1970-01-01T00:00:00.000Z');
});
