import { Chat, type Room } from '$lib/chat';
import { ManualClock } from '$lib/clock';
import { MemoryStore } from '$lib/outbox';
import type { Entry } from '$lib/timeline';
import { Random } from './random';
import { SELF, Server, visible, type Post } from './server';

const ROOMS = ['#lobby', '#rust'] as const;
const TARGET = { host: 'chat.example', port: 6697, tls: true };
/** How many times a world that has come to rest is looked at again before it counts as stuck. */
const PATIENCE = 400;

/** Lets everything run that waits for nothing but its turn. */
async function turn(): Promise<void> {
  for (let count = 0; count < 6; count++) await Promise.resolve();
}

/**
 * One person at one server, from one seed: what others and they say, and everything that goes wrong. The client's own
 * logic is the real one; what it shows is compared with what the server keeps, after every step.
 */
export class World {
  readonly #random: Random;
  readonly #clock = new ManualClock(Date.UTC(2026, 5, 1, 12));
  readonly #server: Server;
  readonly #store = new MemoryStore();
  readonly #memory = new Map<string, string>();
  readonly #account: boolean;
  readonly #said: { place: string; text: string }[] = [];
  #chat: Chat;
  #words = 0;

  constructor(seed: number, trace?: (text: string) => void) {
    this.#random = new Random(seed);
    this.#account = this.#random.once(2);
    this.#server = new Server(this.#random, this.#clock, {
      limit: this.#random.pick([3, 5, 8, 100]),
      account: this.#account,
      ours: !this.#random.once(3),
    });
    this.#server.trace = trace;
    for (let count = this.#random.below(12); count > 0; count--) this.#othersSay();
    this.#chat = this.#start();
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      this.#step();
      await turn();
      this.#check();
    }
    await this.#settle();
    await this.#readAll();
  }

  #start(): Chat {
    const chat = new Chat({
      transport: this.#server,
      clock: this.#clock,
      memory: {
        get: (key) => this.#memory.get(key),
        set: (key, value) => void this.#memory.set(key, value),
      },
      outbox: this.#store,
      random: () => this.#random.next(),
      device: 'a world',
      uuid: () => `token-${(this.#words += 1)}`,
      onEvent: () => undefined,
    });
    chat.connect(TARGET, { nick: SELF, account: 'guest' }, ['#rust']);
    return chat;
  }

  // --- what happens ----------------------------------------------------------------------------------------------

  #step(): void {
    const random = this.#random;
    const server = this.#server;
    switch (random.below(24)) {
      case 0:
      case 1:
      case 2:
        this.#othersSay();
        return;
      case 3:
        for (let count = random.below(14); count > 0; count--) this.#othersSay();
        return;
      case 4:
      case 5:
        this.#say();
        return;
      case 6:
      case 7:
        this.#clock.advance(random.pick([1, 40, 400, 3000]));
        return;
      case 8:
        this.#misfortune();
        return;
      case 9:
        this.#browse();
        return;
      default:
        server.pass(random.once(3));
    }
  }

  #misfortune(): void {
    const random = this.#random;
    const server = this.#server;
    switch (random.below(14)) {
      case 0:
      case 1:
      case 2:
        server.break();
        return;
      case 3:
        server.deafen('up');
        return;
      case 4:
        server.deafen('down');
        return;
      case 5:
        server.reachable = !server.reachable;
        return;
      case 6:
        server.history = random.pick(['answers', 'refuses', 'silent']);
        return;
      case 7:
      case 8:
        server.history = 'answers';
        return;
      case 9:
        server.lagged = !server.lagged;
        return;
      case 10:
        server.kick(random.pick(ROOMS));
        return;
      case 11:
        this.#leave();
        return;
      case 12:
        this.#chat.connection.retryNow();
        return;
      default:
        if (random.once(3)) this.#reload();
    }
  }

  /** The page is loaded again: nothing is left but what is stored. */
  #reload(): void {
    // The page that is gone hears nothing more, and its timers are gone with it.
    this.#server.break();
    this.#chat.connection.cancel();
    this.#chat = this.#start();
  }

  #leave(): void {
    const room = this.#chat.find(this.#random.pick(ROOMS));
    if (room?.joined && this.#chat.online) this.#chat.leave(room);
  }

  #browse(): void {
    const room = this.#random.pick([...this.#chat.rooms, undefined] as [Room | undefined]);
    if (!room) {
      if (this.#chat.online) this.#rejoin();
    } else if (this.#random.once(2)) this.#chat.loadOlder(room);
    else this.#loadGap(room);
  }

  #loadGap(room: Room): boolean {
    const gaps = room.timeline.entries.filter((entry) => entry.kind === 'gap');
    const gap = gaps[this.#random.below(gaps.length)];
    if (gap) this.#chat.loadGap(room, gap.id);
    return gap !== undefined;
  }

  #rejoin(): void {
    for (const name of ROOMS) if (!this.#chat.find(name)?.joined) this.#chat.join(name);
  }

  #place(): string {
    return this.#random.pick(['#lobby', '#lobby', '#lobby', '#rust', 'bo']);
  }

  #othersSay(): void {
    const text = this.#random.once(12) ? '\x01VERSION\x01' : `o${(this.#words += 1)}`;
    this.#server.post(this.#place(), 'bo', text);
  }

  #say(): void {
    const room = this.#chat.find(this.#place());
    const text = `w${(this.#words += 1)}`;
    if (room && this.#chat.say(room, text)) this.#said.push({ place: room.name, text });
  }

  // --- what must be ----------------------------------------------------------------------------------------------

  /** Whether the server keeps what is said here: of guests' direct messages it does not. */
  #kept({ kind }: Room): boolean {
    return kind === 'room' || this.#account;
  }

  #posts(place: string): Post[] {
    return this.#server.log.filter((post) => post.place === place && visible(post));
  }

  /** Every room shows the server's order, each message once, and a gap wherever something is left out. */
  #check(): void {
    for (const room of this.#chat.rooms) this.#checkRoom(room);
  }

  #checkRoom(room: Room): void {
    const { entries } = room.timeline;
    const posts = this.#posts(room.name);
    let at = -1;
    let gap = true;
    const fail = (what: string): never => {
      throw new Error(`${room.name}: ${what}\n  shown  ${show(entries)}\n  server ${show(posts)}`);
    };
    const shown = new Set<string>();
    entries.forEach((entry) => {
      if (entry.kind === 'gap') gap = true;
      if (entry.kind !== 'message') return;
      const next = posts.findIndex((post) => post.msgid === entry.msgid);
      if (next < 0) fail(`${entry.text} is not kept`);
      if (shown.has(entry.id)) fail(`${entry.text} is shown twice`);
      shown.add(entry.id);
      if (next < at) fail(`${entry.text} is out of order`);
      const left = posts.slice(at + 1, next);
      if (!gap && left.length > 0 && this.#kept(room)) fail(`a hole before ${entry.text}`);
      at = next;
      gap = false;
    });
    if (room.timeline.complete && entries.some((entry) => entry.kind === 'message')) {
      const first = entries.find((entry) => entry.kind === 'message');
      if (first?.msgid !== posts[0]?.msgid) fail('the start is not the start');
    }
  }

  // --- how it ends -----------------------------------------------------------------------------------------------

  /** The faults stop; everything must come to rest, with everything said. */
  async #settle(): Promise<void> {
    const server = this.#server;
    server.calm();
    for (let count = 0; count < PATIENCE; count++) {
      server.pass(true);
      await turn();
      this.#check();
      if (this.#chat.online && server.still) {
        if (this.#atRest()) return;
        for (const { item, state } of this.#chat.unsent())
          if (state === 'failed') this.#chat.retry(item.token);
        this.#rejoin();
      }
      this.#clock.advance(500);
      await turn();
    }
    const unsent = this.#chat.unsent().map(({ item, state }) => `${item.target} ${item.text} ${state}`);
    throw new Error(`no rest: ${this.#chat.state.kind}, unsent ${unsent.join(', ')}`);
  }

  #atRest(): boolean {
    const rooms = ROOMS.map((name) => this.#chat.find(name));
    return this.#chat.unsent().length === 0 && rooms.every((room) => room?.joined && room.caughtUp);
  }

  /** Everything that was ever said can be read in the end, in order. */
  async #readAll(): Promise<void> {
    for (let count = 0; count < PATIENCE; count++) {
      this.#check();
      const open = this.#chat.rooms.filter((room) => {
        const { complete, entries } = room.timeline;
        return this.#kept(room) && (!complete || entries.some((entry) => entry.kind === 'gap'));
      });
      if (open.length === 0) break;
      for (const room of open) if (!this.#loadGap(room)) this.#chat.loadOlder(room);
      await turn();
      this.#server.pass(true);
      await turn();
      this.#clock.advance(500);
    }
    for (const room of this.#chat.rooms) {
      if (!this.#kept(room)) continue;
      const { name, timeline } = room;
      const shown = timeline.entries.filter((entry) => entry.kind === 'message');
      const posts = this.#posts(name);
      if (shown.map((entry) => entry.msgid).join() !== posts.map((post) => post.msgid).join())
        throw new Error(`${name} in the end:\n  shown  ${show(timeline.entries)}\n  server ${show(posts)}`);
      if (timeline.pending.length > 0)
        throw new Error(`${name}: ${timeline.pending.length} rows wait for nothing`);
    }
    const kept = this.#server.log.filter((post) => post.nick === SELF);
    for (const place of [...ROOMS, 'bo']) {
      const texts = kept.filter((post) => post.place === place).map((post) => post.text);
      const said = this.#said.filter((each) => each.place === place).map((each) => each.text);
      if (texts.join() !== said.join())
        throw new Error(`${place}: said ${said.join()}, kept ${texts.join()}`);
    }
  }
}

function show(items: readonly (Entry | Post)[]): string {
  const name = (item: Entry | Post): string => {
    if (!('kind' in item)) return `${item.text}@${item.time % 100_000}`;
    if (item.kind === 'gap') return '…';
    return item.kind === 'message' ? `${item.text}@${item.time % 100_000}` : item.kind;
  };
  return items.map(name).join(' ');
}
