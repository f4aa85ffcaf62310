import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../clock';
import { MemoryStore } from '../outbox';
import type { CloseReason, Target, Transport, TransportEvents } from '../transport';
import { Chat } from './chat';
import type { ChatEvent } from './events';
import { HISTORY_TIMEOUT } from './history';
import { MARK_DELAY } from './marks';
import type { Room } from './room';

class Wire implements Transport {
  sent: string[] = [];
  #events: TransportEvents | undefined;

  open(_: Target, events: TransportEvents): Promise<void> {
    this.#events = events;
    return Promise.resolve();
  }

  send(line: string): void {
    this.sent.push(line);
  }

  close(): void {
    this.#events = undefined;
  }

  in(...lines: string[]): void {
    for (const line of lines) this.#events?.onLine(line);
  }

  break(reason: CloseReason = { kind: 'reset', message: 'reset' }): void {
    this.#events?.onClose(reason);
  }

  take(pattern = /./): string[] {
    const taken = this.sent.filter((line) => pattern.test(line));
    this.sent = [];
    return taken;
  }
}

const NOW = Date.UTC(2026, 5, 1, 12);
const CAPS =
  'message-tags server-time batch echo-message labeled-response draft/chathistory draft/read-marker standard-replies';
const target: Target = { host: 'chat.example', port: 6697, tls: true };
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const at = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString();

let wire: Wire;
let clock: ManualClock;
let events: ChatEvent[];
let chat: Chat;
let memory: Map<string, string>;

function make(): Chat {
  let ids = 0;
  return new Chat({
    transport: wire,
    clock,
    memory: { get: (key) => memory.get(key), set: (key, value) => void memory.set(key, value) },
    outbox: new MemoryStore(),
    random: () => 0.5,
    device: 'a test',
    uuid: () => `u${(ids += 1)}`,
    onEvent: (event) => events.push(event),
  });
}

beforeEach(() => {
  wire = new Wire();
  clock = new ManualClock(NOW);
  events = [];
  memory = new Map();
  chat = make();
});

/** Answers the oldest CHATHISTORY that is open. */
function history(...lines: string[]): string {
  const asked = wire.sent.find((line) => line.includes('CHATHISTORY')) ?? '';
  wire.sent = wire.sent.filter((line) => line !== asked);
  const label = /label=(\w+)/.exec(asked)?.[1] ?? '';
  const [, , room = ''] = /CHATHISTORY (\w+) (\S+)/.exec(asked) ?? [];
  wire.in(
    `@label=${label} BATCH +h chathistory ${room}`,
    ...lines.map((line) => line.replace(/^@?/, '@batch=h;')),
    'BATCH -h',
  );
  return asked;
}

async function greet(caps = CAPS): Promise<void> {
  await settle();
  wire.in(
    `CAP * LS :${caps}`,
    `CAP * ACK :${caps}`,
    ':s 001 anna :Welcome',
    ':s 005 anna CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ CHATHISTORY=100 :are supported',
    ':s 422 anna :No MOTD',
  );
  await settle();
}

async function lobby(caps = CAPS): Promise<Room> {
  chat.connect(target, { nick: 'anna', account: 'guest' });
  await greet(caps);
  wire.in(
    `@time=${at(0)} :anna!a@h JOIN #lobby`,
    ':s 353 anna = #lobby :@bo +eva anna',
    ':s 366 anna #lobby :End',
  );
  if (caps.includes('chathistory')) history();
  const room = chat.find('#lobby');
  if (!room) throw new Error('not in the lobby');
  chat.open(room);
  wire.take();
  return room;
}

const texts = (room: Room): string[] =>
  [...room.timeline.entries, ...room.timeline.pending].flatMap((entry) =>
    entry.kind === 'message' ? [`${entry.text} ${entry.state}`] : [],
  );

describe('a room', () => {
  it('knows its people, their marks and their ways', async () => {
    const room = await lobby();
    expect([...room.members.values()].map((member) => member.marks + member.nick)).toEqual([
      '@bo',
      '+eva',
      'anna',
    ]);
    wire.in(
      ':bo!b@h MODE #lobby +o-v eva eva',
      ':bo!b@h NICK Bob',
      ':eva!e@h AWAY :lunch',
      ':carl!c@h JOIN #lobby carl :Carl',
    );
    expect(
      [...room.members.values()].map(
        (member) => `${member.marks}${member.nick}${member.away ? ' away' : ''}`,
      ),
    ).toEqual(['@eva away', 'anna', '@Bob', 'carl']);
    wire.in(
      ':eva!e@h QUIT :Connection lost: ping timeout',
      ':carl!c@h PART #lobby :bye',
      ':Bob!b@h KICK #lobby anna :out',
    );
    expect(room.members.has('eva')).toBe(false);
    const leaves = room.timeline.entries.filter((entry) => entry.kind === 'event' && entry.event === 'leave');
    expect(leaves).toMatchObject([
      { nick: 'eva', reason: 'ping timeout', broken: true },
      { nick: 'carl', reason: 'bye' },
    ]);
    expect(room.joined).toBe(false);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'removed', by: 'Bob', reason: 'out' }));
  });

  it('tells a quit on purpose from a broken connection', async () => {
    const room = await lobby();
    wire.in(':bo!b@h QUIT :Quit: good night', ':eva!e@h QUIT :Quit');
    expect(room.timeline.entries.slice(-2)).toMatchObject([
      { nick: 'bo', reason: 'good night' },
      { nick: 'eva' },
    ]);
    expect(room.timeline.entries.some((entry) => entry.kind === 'event' && entry.broken)).toBe(false);
  });

  it('counts what is unread, and what names me', async () => {
    const room = await lobby();
    chat.setFocus(false);
    wire.in(
      `@time=${at(5)};msgid=1 :bo!b@h PRIVMSG #lobby :hello`,
      `@time=${at(6)};msgid=2 :bo!b@h PRIVMSG #lobby :anna: hello`,
    );
    expect(room.unread).toEqual({ count: 2, mentions: 1 });
    expect(chat.badge()).toBe(1);
    expect(room.unreadAfter).toBe(NOW);
    chat.setFocus(true);
    chat.seen(room, NOW + 6000);
    expect(room.unread.count).toBe(0);
    clock.advance(MARK_DELAY);
    expect(memory.get('read:chat.example:6697/anna:#lobby')).toBe(String(NOW + 6000));
  });

  it('opens a talk for a message from one person, and shows both sides of it', async () => {
    await lobby();
    wire.in(
      `@time=${at(5)};msgid=1 :bo!b@h PRIVMSG anna :psst`,
      `@time=${at(6)};msgid=2 :anna!a@h PRIVMSG bo :what?`,
    );
    const talk = chat.find('bo');
    expect(talk?.kind).toBe('direct');
    expect(talk && texts(talk)).toEqual(['psst sent', 'what? sent']);
    wire.in(':bo!b@h NICK Bob');
    expect(chat.find('bob')).toBe(talk);
    expect(talk?.name).toBe('Bob');
  });

  it('takes lines of a server, or to rooms we are not in, for nobody’s talk', async () => {
    await lobby();
    wire.in(
      ':irc.example NOTICE anna :Going down at nine',
      ':bo!b@h PRIVMSG #elsewhere :x',
      ':bo!b@h PRIVMSG anna :\x01VERSION\x01',
    );
    expect(chat.rooms.map((room) => room.name)).toEqual(['#lobby']);
    expect(events).toContainEqual({ kind: 'server-notice', text: 'Going down at nine' });
  });
});

describe('sending', () => {
  it('confirms by the echo and keeps the row', async () => {
    const room = await lobby();
    chat.say(room, 'hello');
    expect(texts(room)).toEqual(['hello queued']);
    const [line = ''] = wire.take(/PRIVMSG/);
    expect(line).toBe('@label=s2;+salotto.chat/token=u1 PRIVMSG #lobby hello');
    wire.in(`@label=s2;time=${at(1)};msgid=1;+salotto.chat/token=u1 :anna!a@h PRIVMSG #lobby hello`);
    expect(texts(room)).toEqual(['hello sent']);
    expect(chat.unsent()).toEqual([]);
  });

  it('says why a message was refused, by its label', async () => {
    const room = await lobby();
    chat.say(room, 'one');
    chat.say(room, 'two');
    wire.in('@label=s3 :s 404 anna #lobby :Cannot send to room');
    expect(texts(room)).toEqual(['one queued', 'two failed']);
    expect(room.failed).toBe(1);
    expect(chat.withdraw('u2')).toBe('two');
    expect(room.failed).toBe(0);
  });

  it('sends long texts in parts, and actions as such', async () => {
    const room = await lobby();
    chat.say(room, 'waves', 'action');
    expect(wire.take(/PRIVMSG/)[0]).toContain('PRIVMSG #lobby :\x01ACTION waves\x01');
    chat.say(room, 'word '.repeat(200));
    const lines = wire.take(/PRIVMSG/);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines)
      expect(line.replace(/^@\S+ /, '').length).toBeLessThanOrEqual(512 - ':anna!a@h \r\n'.length);
  });

  it('trusts the answer to a question where there is no echo', async () => {
    const room = await lobby('message-tags');
    chat.say(room, 'hello');
    const ping = wire.take(/^PING sent-/)[0] ?? '';
    wire.in(`:s PONG s ${ping.slice('PING '.length)}`);
    expect(texts(room)).toEqual(['hello sent']);
  });

  it('never speaks of itself as unread', async () => {
    const room = await lobby();
    wire.in(
      `@time=${at(5)};msgid=1 :bo!b@h PRIVMSG #lobby :hello`,
      `@time=${at(6)};msgid=2 :anna!a@h PRIVMSG #lobby :from my other window`,
    );
    expect(room.unread.count).toBe(0);
  });
});

describe('coming back', () => {
  async function away(): Promise<void> {
    wire.break();
    clock.advance(2000);
    await greet();
  }

  it('joins again, fetches what was missed, then sends what waited, each once', async () => {
    const room = await lobby();
    wire.in(`@time=${at(1)};msgid=1 :bo!b@h PRIVMSG #lobby :before`);
    wire.break();
    chat.say(room, 'waited');
    expect(texts(room)).toEqual(['before sent', 'waited queued']);
    clock.advance(2000);
    await greet();
    expect(wire.take(/JOIN|PRIVMSG/)).toEqual(['JOIN #lobby']);
    wire.in(`@time=${at(20)} :anna!a@h JOIN #lobby`);
    // Live lines come while history is still on its way.
    wire.in(`@time=${at(21)};msgid=4 :bo!b@h PRIVMSG #lobby :live`);
    expect(wire.sent.some((line) => line.includes('PRIVMSG'))).toBe(false);
    const asked = history(
      `time=${at(2)};msgid=2 :bo!b@h PRIVMSG #lobby :missed 1`,
      `time=${at(3)};msgid=3 :eva!e@h PRIVMSG #lobby :missed 2`,
      `time=${at(21)};msgid=4 :bo!b@h PRIVMSG #lobby :live`,
    );
    expect(asked).toContain('CHATHISTORY LATEST #lobby msgid=1 100');
    expect(wire.take(/PRIVMSG/)).toHaveLength(1);
    expect(texts(room)).toEqual([
      'before sent',
      'missed 1 sent',
      'missed 2 sent',
      'live sent',
      'waited queued',
    ]);
    expect(events).toContainEqual({ kind: 'back-online', messages: 2 });
    expect(room.timeline.entries.filter((entry) => entry.kind === 'event' && entry.own)).toHaveLength(1);
  });

  it('does not send again what the server turns out to have', async () => {
    const room = await lobby();
    chat.say(room, 'was it received?');
    wire.take();
    await away();
    wire.in(`@time=${at(20)} :anna!a@h JOIN #lobby`);
    history(`time=${at(1)};msgid=1;+salotto.chat/token=u1 :anna!a@h PRIVMSG #lobby :was it received?`);
    expect(wire.take(/PRIVMSG/)).toEqual([]);
    expect(texts(room)).toEqual(['was it received? sent']);
    expect(chat.unsent()).toEqual([]);
  });

  const fails = (): void => {
    const [asked = ''] = wire.take(/CHATHISTORY/);
    const label = /label=(\w+)/.exec(asked)?.[1] ?? '';
    wire.in(`@label=${label} :s FAIL CHATHISTORY MESSAGE_ERROR LATEST #lobby :try later`);
  };

  it('shows a gap where history is refused, and fills it when asked to', async () => {
    const room = await lobby();
    wire.in(`@time=${at(1)};msgid=1 :bo!b@h PRIVMSG #lobby :before`);
    await away();
    wire.take();
    wire.in(`@time=${at(20)} :anna!a@h JOIN #lobby`);
    fails();
    fails();
    const gap = room.timeline.entries.find((entry) => entry.kind === 'gap');
    wire.in(`@time=${at(21)};msgid=4 :bo!b@h PRIVMSG #lobby :after`);
    expect(room.timeline.entries.map((entry) => entry.msgid ?? entry.kind)).toEqual([
      'event',
      '1',
      'gap',
      '4',
    ]);
    chat.loadGap(room, gap?.id ?? '');
    expect(history(`time=${at(2)};msgid=2 :bo!b@h PRIVMSG #lobby :missed`)).toContain('AFTER #lobby msgid=1');
    expect(texts(room)).toEqual(['before sent', 'missed sent', 'after sent']);
    expect(room.timeline.entries.some((entry) => entry.kind === 'gap')).toBe(false);
  });

  it('goes on without history that never comes', async () => {
    const room = await lobby();
    await away();
    wire.in(`@time=${at(20)} :anna!a@h JOIN #lobby`);
    chat.say(room, 'hello');
    expect(wire.take(/PRIVMSG/)).toEqual([]);
    // The server answers everything else meanwhile, so the connection is well.
    clock.advance(HISTORY_TIMEOUT);
    expect(wire.take(/PRIVMSG/)).toHaveLength(1);
  });

  it('does not join again what was left on purpose', async () => {
    const room = await lobby();
    wire.in(`@time=${at(1)} :anna!a@h JOIN #rust`);
    chat.leave(room);
    wire.in(':anna!a@h PART #lobby');
    await away();
    expect(wire.take(/^JOIN/)).toEqual(['JOIN #rust']);
  });
});

describe('history', () => {
  const page = (from: number, count: number): string[] =>
    Array.from(
      { length: count },
      (_, index) =>
        `time=${at(-10_000 + from + index)};msgid=h${from + index} :bo!b@h PRIVMSG #lobby :old ${from + index}`,
    );

  it('is read page by page, up to the first message there ever was', async () => {
    const room = await lobby();
    wire.in(`@time=${at(1)};msgid=h100 :bo!b@h PRIVMSG #lobby :newest`);
    expect(room.timeline.complete).toBe(true);
    // A room with more than one page is not complete.
    chat = make();
    chat.connect(target, { nick: 'anna', account: 'guest' });
    await greet();
    wire.in(`@time=${at(0)} :anna!a@h JOIN #lobby`);
    history(...page(50, 50));
    const other = chat.find('#lobby');
    if (!other) throw new Error('not in the lobby');
    expect(other.timeline.complete).toBe(false);
    chat.loadOlder(other);
    chat.loadOlder(other);
    expect(wire.sent.filter((line) => line.includes('BEFORE'))).toHaveLength(1);
    expect(history(...page(20, 30))).toContain('BEFORE #lobby msgid=h50 50');
    expect(other.timeline.complete).toBe(true);
    expect(other.timeline.entries[0]).toMatchObject({ msgid: 'h20' });
    expect(other.unread.count).toBe(0);
  });

  it('takes the server’s word of how far was read, over several devices', async () => {
    chat.connect(target, { nick: 'anna', account: 'guest' });
    await greet();
    wire.in(`@time=${at(0)} :anna!a@h JOIN #lobby`, `:s MARKREAD #lobby timestamp=${at(-9970)}`);
    history(...page(0, 50));
    expect(chat.find('#lobby')?.unread.count).toBe(19);
    wire.in(`:s MARKREAD #lobby timestamp=${at(-9960)}`);
    expect(chat.find('#lobby')?.unread.count).toBe(9);
    wire.in(`:s MARKREAD #lobby timestamp=${at(-9990)}`);
    expect(chat.find('#lobby')?.unread.count).toBe(9);
  });
});

it('lists the rooms, and ends a list that the connection did not', async () => {
  await lobby();
  const list = chat.list();
  wire.in(':s 322 anna #rust 12 :Systems', ':s 322 anna #lobby 3 :', ':s 323 anna :End');
  expect(await list).toEqual([
    { name: '#rust', people: 12, topic: 'Systems' },
    { name: '#lobby', people: 3, topic: '' },
  ]);
  const broken = chat.list();
  wire.in(':s 322 anna #rust 12 :Systems');
  wire.break();
  expect(await broken).toHaveLength(1);
});

describe('devices', () => {
  const account = `${CAPS} sasl salotto.chat/resume`;
  const LOGGED_IN = ':s 900 * anna!a@h anna :You are now logged in as anna';

  async function signIn(): Promise<void> {
    chat.connect(target, { nick: 'anna', account: 'login', password: 'secret' });
    await settle();
    wire.in(`CAP * LS :${account}`, `CAP * ACK :${account}`, LOGGED_IN, ':s 903 anna :ok');
    wire.in(':s 001 anna :Welcome', ':s 422 anna :No MOTD', ':s RESUME TOKEN device.session');
  }

  it('keeps the token and not the password, and uses it in the next run', async () => {
    await signIn();
    expect([...memory.values()].join()).not.toContain('secret');
    expect(memory.get('device:chat.example:6697/anna')).toBe('device');
    expect(chat.devices.remembers(target, 'Anna')).toBe(true);
    expect(chat.devices.remembers(target, 'bea')).toBe(false);
    wire = new Wire();
    chat = make();
    chat.connect(target, { nick: 'anna', account: 'login' });
    await settle();
    wire.in(`CAP * LS :${account}`, `CAP * ACK :${account}`);
    expect(wire.take(/RESUME/)).toEqual(['RESUME device']);
  });

  it('lists them and signs them out', async () => {
    await signIn();
    const list = chat.devices.list();
    wire.in(
      ':s RESUME DEVICE 1k7 2026-11-02T18:04:11.201Z 2026-11-20T00:00:00.000Z * :Firefox on Linux',
      ':s RESUME DEVICE 1qd 2026-11-19T07:30:00.000Z 2026-11-19T00:00:00.000Z - :web',
      ':s RESUME END',
    );
    const found = (await list) ?? [];
    expect(found).toMatchObject([
      { id: '1k7', name: 'Firefox on Linux', current: true },
      { id: '1qd', name: 'web', current: false, used: Date.UTC(2026, 10, 19) },
    ]);
    const [own, other] = found;
    if (!own || !other) throw new Error('no devices');
    const revoked = chat.devices.revoke(other);
    expect(wire.take(/REVOKE/)).toEqual(['RESUME REVOKE 1qd']);
    wire.in(':s RESUME REVOKED 1qd');
    expect(await revoked).toBe(true);
    const unknown = chat.devices.revoke(other);
    wire.in(':s FAIL RESUME UNKNOWN_DEVICE 1qd :no such device');
    expect(await unknown).toBe(false);
    const others = chat.devices.revoke('others');
    wire.in(':s RESUME REVOKED 1zz', ':s RESUME REVOKED 2aa', ':s RESUME END');
    expect(await others).toBe(true);
    const lost = chat.devices.list();
    wire.break();
    expect(await lost).toBeUndefined();
  });

  it('signs out for good', async () => {
    await signIn();
    wire.take();
    const done = chat.devices.signOut();
    wire.in(':s RESUME DEVICE 1k7 2026-11-02T18:04:11.201Z 2026-11-20T00:00:00.000Z * :web', ':s RESUME END');
    await done;
    expect(wire.take(/REVOKE|QUIT/)).toEqual(['RESUME REVOKE 1k7', 'QUIT']);
    expect(memory.get('device:chat.example:6697/anna')).toBe('');
  });

  it('keeps rooms and what was written when the token is refused', async () => {
    await signIn();
    wire.in(`@time=${at(0)} :anna!a@h JOIN #lobby`);
    history();
    history();
    const room = chat.find('#lobby');
    if (!room) throw new Error('not in the lobby');
    wire.break();
    chat.say(room, 'waits');
    clock.advance(2000);
    await settle();
    wire.in(`CAP * LS :${account}`, `CAP * ACK :${account}`, ':s FAIL RESUME UNKNOWN_TOKEN :gone');
    expect(chat.connection.lockedOut).toBe(true);
    expect(chat.find('#lobby')).toBe(room);
    chat.connection.answer({ nick: 'anna', account: 'login', password: 'secret' });
    wire.in(LOGGED_IN, ':s 903 anna :ok', ':s 001 anna :Welcome', ':s 422 anna :No MOTD');
    wire.in(`@time=${at(9)} :anna!a@h JOIN #lobby`);
    clock.advance(HISTORY_TIMEOUT);
    expect(wire.take(/PRIVMSG/)[0]).toContain('PRIVMSG #lobby waits');
  });
});
