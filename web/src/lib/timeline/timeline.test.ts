import { describe, expect, it } from 'vitest';
import type { Entry, EventEntry, MessageEntry } from './entry';
import { RowBuilder, summarise, type Row } from './rows';
import { ENTRIES_MAX, Timeline } from './timeline';

const MINUTE = 60_000;
const NOON = new Date(2026, 5, 15, 12).getTime();

function said(msgid: string, time: number, extra: Partial<MessageEntry> = {}): MessageEntry {
  return {
    kind: 'message',
    id: msgid,
    msgid,
    time,
    type: 'message',
    nick: 'anna',
    text: msgid,
    own: false,
    mention: false,
    state: 'sent',
    ...extra,
  };
}

function event(
  kind: EventEntry['event'],
  nick: string,
  time: number,
  extra: Partial<EventEntry> = {},
): EventEntry {
  return { kind: 'event', id: `${kind}-${nick}-${time}`, event: kind, nick, time, own: false, ...extra };
}

const ids = (timeline: Timeline): string[] => timeline.entries.map((entry) => entry.msgid ?? entry.id);

describe('Timeline', () => {
  it('shows each message once, whichever way it comes', () => {
    const timeline = new Timeline();
    expect(timeline.add(said('b', 2))).toBe(true);
    expect(timeline.add(said('b', 2))).toBe(false);
    expect(timeline.merge([said('a', 1), said('b', 2), said('c', 3)]).map(({ id }) => id)).toEqual([
      'a',
      'c',
    ]);
    expect(ids(timeline)).toEqual(['a', 'b', 'c']);
  });

  it('keeps the order of a page among messages of one millisecond', () => {
    const timeline = new Timeline();
    timeline.add(said('b', 5));
    timeline.merge([said('a', 5), said('b', 5), said('c', 5)]);
    expect(ids(timeline)).toEqual(['a', 'b', 'c']);
  });

  it('puts missed messages before those that came live meanwhile', () => {
    const timeline = new Timeline();
    timeline.add(said('a', 1));
    timeline.cut();
    timeline.add(said('z', 9));
    expect(ids(timeline)).toEqual(['a', 'gap-1', 'z']);
    expect(timeline.from?.msgid).toBe('a');
    timeline.merge([said('b', 2), said('c', 3)], { after: 'a', newest: true });
    expect(ids(timeline)).toEqual(['a', 'b', 'c', 'z']);
    expect(timeline.from?.msgid).toBe('z');
  });

  it('gives the same timeline for every order of arrival', () => {
    const all = Array.from({ length: 12 }, (_, index) =>
      said(`m${String(index).padStart(2, '0')}`, Math.floor(index / 3)),
    );
    const expected = all.map((entry) => entry.id);
    for (let seed = 1; seed <= 200; seed++) {
      let state = seed;
      const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
      const timeline = new Timeline();
      // Live from a point on, pages of history before, between and again.
      const live = Math.floor(random() * 12);
      all.slice(live).forEach((entry) => timeline.add(entry));
      timeline.merge(
        all.slice(Math.floor(random() * live), Math.min(12, live + 1 + Math.floor(random() * 3))),
      );
      timeline.merge(all);
      expect(ids(timeline), `seed ${seed}`).toEqual(expected);
    }
  });

  it('replaces a pending row by its echo and keeps the key', () => {
    const timeline = new Timeline();
    timeline.addPending(
      said('', 1, { id: 'tok', msgid: undefined, token: 'tok', own: true, state: 'queued' }),
    );
    timeline.add(said('m1', 5, { own: true, token: 'tok' }));
    expect(timeline.pending).toEqual([]);
    expect(timeline.entries[0]).toMatchObject({ id: 'tok', msgid: 'm1', state: 'sent' });
  });

  it('finds the echo of a pending row in a page of history too', () => {
    const timeline = new Timeline();
    timeline.addPending(
      said('', 1, { id: 'tok', msgid: undefined, token: 'tok', own: true, state: 'queued' }),
    );
    timeline.merge([said('m0', 1), said('m1', 5, { own: true, token: 'tok' })]);
    expect(timeline.pending).toEqual([]);
    expect(timeline.entries.map((entry) => entry.id)).toEqual(['m0', 'tok']);
  });

  it('does not show a message as pending that history has brought already', () => {
    const timeline = new Timeline();
    timeline.merge([said('m1', 5, { own: true, token: 'tok' })]);
    timeline.addPending(
      said('', 1, { id: 'tok', msgid: undefined, token: 'tok', own: true, state: 'queued' }),
    );
    expect(timeline.pending).toEqual([]);
    expect(timeline.knowsToken('tok')).toBe(true);
  });

  it("does not take another person's token for its own", () => {
    const timeline = new Timeline();
    timeline.addPending(
      said('', 1, { id: 'tok', msgid: undefined, token: 'tok', own: true, state: 'queued' }),
    );
    timeline.add(said('m1', 5, { own: false, token: 'tok' }));
    expect(timeline.pending).toHaveLength(1);
  });

  it('keeps what overlaps in the order of the server within one millisecond', () => {
    const timeline = new Timeline();
    for (const id of ['a', 'c']) timeline.add(said(id, 5));
    timeline.merge(
      ['Y', 'Z', 'a', 'b'].map((id) => said(id, 5)),
      { before: 'c' },
    );
    expect(ids(timeline)).toEqual(['Y', 'Z', 'a', 'b', 'c']);
  });

  it('leaves what was told by time alone between the messages of a page', () => {
    const timeline = new Timeline();
    timeline.add(said('a', 1));
    timeline.add(event('join', 'Bo', 4));
    timeline.add(said('z', 9));
    timeline.merge([said('b', 3), said('c', 5), said('z', 9)], { after: 'a' });
    expect(ids(timeline)).toEqual(['a', 'b', 'join-Bo-4', 'c', 'z']);
  });

  it('goes on after a second loss from where the first one began', () => {
    const timeline = new Timeline();
    timeline.add(said('a', 1));
    timeline.cut();
    timeline.add(said('d', 4));
    timeline.cut();
    timeline.add(said('g', 7));
    expect(ids(timeline)).toEqual(['a', 'gap-1', 'd', 'gap-2', 'g']);
    expect(timeline.from?.msgid).toBe('a');
    // The newest page does not reach back: what is before it is still missing.
    timeline.merge([said('f', 6), said('g', 7)], { newest: true });
    expect(ids(timeline)).toEqual(['a', 'gap-1', 'd', 'gap-2', 'f', 'g']);
    timeline.merge([said('b', 2), said('c', 3), said('d', 4)], { after: 'a' });
    expect(ids(timeline)).toEqual(['a', 'b', 'c', 'd', 'gap-2', 'f', 'g']);
    expect(timeline.beforeGap('gap-2')?.msgid).toBe('d');
    timeline.merge([said('e', 5), said('f', 6)], { after: 'd', newest: true });
    expect(ids(timeline)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('moves a gap that a page runs across to the end of the page', () => {
    const timeline = new Timeline();
    timeline.add(said('a', 1));
    timeline.add(said('g', 7));
    timeline.add(said('d', 4, { own: true }), true);
    expect(ids(timeline)).toEqual(['a', 'gap-2', 'd', 'gap-1', 'g']);
    timeline.merge([said('b', 2), said('d', 4), said('e', 5)], { after: 'a' });
    expect(ids(timeline)).toEqual(['a', 'b', 'd', 'e', 'gap-1', 'g']);
    timeline.add(said('h', 8, { own: true }), true);
    expect(ids(timeline)).toEqual(['a', 'b', 'd', 'e', 'gap-1', 'g', 'h']);
  });

  it('shows a gap for good where nothing could be fetched', () => {
    const timeline = new Timeline();
    timeline.add(said('a', 1));
    timeline.cut();
    timeline.giveUp(true);
    timeline.add(said('z', 9));
    expect(ids(timeline)).toEqual(['a', 'gap-1', 'z']);
    timeline.cut();
    timeline.giveUp(false);
    timeline.add(said('zz', 10));
    expect(ids(timeline)).toEqual(['a', 'gap-1', 'z', 'zz']);
  });

  it('puts a live message that comes late where its time says', () => {
    const timeline = new Timeline();
    timeline.add(said('a', 1));
    timeline.add(said('own', 5, { own: true }));
    timeline.add(said('b', 3));
    timeline.add(said('c', 4));
    timeline.add(said('d', 6));
    expect(ids(timeline)).toEqual(['a', 'b', 'c', 'own', 'd']);
  });

  it('shows as missing what is still to come late, before a page that is younger', () => {
    const timeline = new Timeline((a, b) => a.charCodeAt(0) - b.charCodeAt(0));
    timeline.merge([said('g', 5), said('h', 5)], { newest: true });
    timeline.add(said('c', 5));
    timeline.add(said('d', 5));
    expect(ids(timeline)).toEqual(['c', 'd', 'gap-2', 'g', 'h']);
    timeline.add(said('g', 5));
    expect(ids(timeline)).toEqual(['c', 'd', 'g', 'h']);
  });

  it('keeps a bounded number of entries; the oldest can be fetched again', () => {
    const timeline = new Timeline();
    timeline.markComplete();
    timeline.add(said('0', 0));
    timeline.cut();
    for (let index = 1; index <= ENTRIES_MAX; index++) timeline.add(said(`${index}`, index));
    expect(timeline.entries.length).toBeLessThanOrEqual(ENTRIES_MAX);
    expect(timeline.complete).toBe(false);
    expect(timeline.entries[0]).toMatchObject({ kind: 'message' });
    expect(timeline.knows('0')).toBe(false);
  });
});

describe('summarise', () => {
  it('says nothing of who came and left again', () => {
    expect(summarise([event('join', 'Bo', 0), event('leave', 'Bo', MINUTE)])).toEqual([]);
    expect(summarise([event('leave', 'Bo', 0), event('join', 'Bo', MINUTE)])).toEqual([]);
  });

  it('but does when it took longer than five minutes', () => {
    expect(summarise([event('leave', 'Bo', 0), event('join', 'Bo', 6 * MINUTE)])).toEqual([
      { change: 'join', nick: 'Bo' },
    ]);
  });

  it('follows a person through a new name', () => {
    expect(summarise([event('join', 'Eva', 0), event('rename', 'Eva', 1, { detail: 'Eva2' })])).toEqual([
      { change: 'join', nick: 'Eva2' },
    ]);
    expect(
      summarise([event('rename', 'Eva', 0, { detail: 'Eva2' }), event('leave', 'Eva2', 1, { broken: true })]),
    ).toEqual([{ change: 'leave', nick: 'Eva', broken: true }]);
    expect(
      summarise([event('rename', 'Eva', 0, { detail: 'X' }), event('rename', 'X', 1, { detail: 'Eva' })]),
    ).toEqual([]);
  });
});

describe('RowBuilder', () => {
  const kinds = (rows: readonly Row[]): string[] => rows.map((row) => row.kind);
  const heads = (rows: readonly Row[]): boolean[] =>
    rows.flatMap((row) => (row.kind === 'message' ? [row.head] : []));
  const build = (
    entries: Entry[],
    options: Parameters<RowBuilder['build']>[0] = { notices: 'condensed' },
  ): readonly Row[] => {
    const timeline = new Timeline();
    timeline.merge(entries);
    return new RowBuilder(timeline).build(options);
  };

  it('groups one author within five minutes', () => {
    const rows = build([
      said('a', NOON),
      said('b', NOON + MINUTE),
      said('c', NOON + 7 * MINUTE),
      said('d', NOON + 8 * MINUTE, { nick: 'bo' }),
      said('e', NOON + 9 * MINUTE, { nick: 'bo', type: 'action' }),
    ]);
    expect(heads(rows)).toEqual([true, false, true, true, true]);
  });

  it('separates days', () => {
    const rows = build([said('a', NOON), said('b', NOON + 24 * 60 * MINUTE)]);
    expect(kinds(rows)).toEqual(['day', 'message', 'day', 'message']);
  });

  it('puts the unread line before the first unread message of others', () => {
    const rows = build(
      [said('a', NOON), said('b', NOON + 1, { own: true }), said('c', NOON + 2), said('d', NOON + 3)],
      { notices: 'condensed', unreadAfter: NOON },
    );
    expect(rows.map((row) => row.key)).toEqual(['day-a', 'a', 'b', 'unread', 'c', 'd']);
  });

  it('condenses a run, and breaks it at messages, days, topics and the unread line', () => {
    const rows = build([
      event('join', 'Bo', NOON),
      event('join', 'Eva', NOON + 1),
      said('a', NOON + 2),
      event('leave', 'Bo', NOON + 3),
      event('topic', 'Eva', NOON + 4, { detail: 'x' }),
      event('leave', 'Eva', NOON + 5),
    ]);
    expect(kinds(rows)).toEqual(['day', 'events', 'message', 'events', 'event', 'events']);
  });

  it('shows every event, or none, when told to', () => {
    const entries = [
      event('join', 'Bo', NOON),
      said('a', NOON + 1),
      event('leave', 'Bo', NOON + 2),
      said('b', NOON + 3),
    ];
    expect(kinds(build(entries, { notices: 'all' }))).toEqual([
      'day',
      'event',
      'message',
      'event',
      'message',
    ]);
    const none = build(entries, { notices: 'none' });
    expect(kinds(none)).toEqual(['day', 'message', 'message']);
    expect(heads(none)).toEqual([true, false]);
  });

  it('gives the same rows piece by piece as all at once, for many mixtures', () => {
    for (let seed = 1; seed <= 150; seed++) {
      let state = seed * 7919;
      const random = (n: number): number =>
        ((state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8) % n;
      const timeline = new Timeline();
      const builder = new RowBuilder(timeline);
      const options = {
        notices: (['all', 'condensed', 'none'] as const)[random(3)] ?? 'all',
        unreadAfter: random(2) ? NOON + random(40) * MINUTE : undefined,
      };
      const steps: Entry[] = Array.from({ length: 30 }, (_, index): Entry => {
        const time = NOON + index * random(40) * MINUTE;
        switch (random(4)) {
          case 0:
            return event('join', `p${random(3)}`, time, { id: `j${index}` });
          case 1:
            return event('leave', `p${random(3)}`, time, { id: `l${index}` });
          default:
            return said(`m${index}`, time, { nick: `p${random(3)}`, own: random(5) === 0 });
        }
      });
      for (const step of steps) {
        if (random(8) === 0) timeline.cut();
        timeline.add(step);
        if (random(2)) builder.build(options);
      }
      if (random(2)) timeline.markComplete();
      expect(builder.build(options), `seed ${seed}`).toEqual(new RowBuilder(timeline).build(options));
      expect(new Set(builder.build(options).map((row) => row.key)).size).toBe(builder.build(options).length);
    }
  });

  it('keeps the rows that a new message does not touch', () => {
    const timeline = new Timeline();
    const builder = new RowBuilder(timeline);
    timeline.merge(Array.from({ length: 100 }, (_, index) => said(`m${index}`, NOON + index)));
    const before = builder.build({ notices: 'condensed' });
    timeline.add(said('last', NOON + 1000));
    const after = builder.build({ notices: 'condensed' });
    expect(after).toHaveLength(before.length + 1);
    expect(before.slice(0, 90).every((row, index) => row === after[index])).toBe(true);
  });
});
