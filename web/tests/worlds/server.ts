import type { Clock } from '$lib/clock';
import { OpenError, type Target, type Transport, type TransportEvents } from '$lib/transport';
import { parse } from '$lib/wire';
import type { Random } from './random';

/** The person whose client is tested. */
export const SELF = 'anna';
const CAPS =
  'message-tags server-time batch echo-message labeled-response standard-replies draft/chathistory';

/** What kind of server it is. */
export interface Kind {
  /** The most messages of an answer. */
  readonly limit: number;
  /** Whether the person has an account. */
  readonly account: boolean;
  /**
   * Ours: the names of messages tell their order, and what is said live may come later than history that is younger.
   * On others, a person's own message is the only one of its millisecond.
   */
  readonly ours: boolean;
}

/** What was said, once it is kept. */
export interface Post {
  readonly seq: number;
  readonly msgid: string;
  readonly time: number;
  /** The room, or the other person. */
  readonly place: string;
  readonly nick: string;
  readonly text: string;
  readonly token: string | undefined;
}

/** Whether a client shows it: questions between programs are kept by the server and shown to nobody. */
export function visible(post: Post): boolean {
  return !post.text.startsWith('\x01');
}

/** A number as our server writes it. */
function base32(number: number): string {
  const digit = '0123456789abcdefghjkmnpqrstvwxyz'[number % 32] ?? '';
  return number < 32 ? digit : base32(Math.floor(number / 32)) + digit;
}

/**
 * One connection. What is on its way in either direction arrives only when the world says so, and what is still on
 * its way when the connection breaks is lost.
 */
class Link {
  readonly up: string[] = [];
  readonly down: string[] = [];
  /** Posts that are kept and not sent to this client yet, oldest first. */
  readonly owed: Post[] = [];
  /** Answers that are known and not sent yet. */
  readonly answers: string[][] = [];
  readonly rooms = new Set<string>();
  registered = false;
  /** Nothing goes through in this direction any more, and nobody is told. */
  deafUp = false;
  deafDown = false;

  constructor(readonly events: TransportEvents) {}
}

/** A server of one person, with as much of the protocol as the client's logic needs, and all that can go wrong. */
export class Server implements Transport {
  readonly log: Post[] = [];
  /** What the disk does: answers, refuses, or says nothing at all. */
  history: 'answers' | 'refuses' | 'silent' = 'answers';
  reachable = true;
  /** Told of every line that arrives. */
  trace: ((text: string) => void) | undefined;
  /** The reader is slow: posts to rooms come later, each room's in their order, and nothing is taken from it. */
  lagged = false;
  #link: Link | undefined;
  #time: number;
  #batches = 0;

  constructor(
    private readonly random: Random,
    private readonly clock: Clock,
    private readonly kind: Kind,
  ) {
    this.#time = clock.now();
  }

  // --- the client's end ------------------------------------------------------------------------------------------

  open(_: Target, events: TransportEvents): Promise<void> {
    this.#link = undefined;
    if (!this.reachable) return Promise.reject(new OpenError('refused', ''));
    this.#link = new Link(events);
    return Promise.resolve();
  }

  send(line: string): void {
    this.#link?.up.push(line);
  }

  close(): void {
    const link = this.#link;
    this.#link = undefined;
    if (link) this.trace?.('the connection ends');
    // What was sent before is still on its way, and may arrive.
    if (link && !link.deafUp && !this.lagged) this.#take(link, this.random.below(link.up.length + 1));
  }

  // --- what the world does -----------------------------------------------------------------------------------------

  /** Lets some of what is on its way arrive; all of it, where `all`. */
  pass(all = false): void {
    const link = this.#link;
    if (!link) return;
    const some = (length: number): number => (all ? length : this.random.below(length + 1));
    if (!link.deafUp && !this.lagged) this.#take(link, some(link.up.length));
    if (!this.lagged) this.#deliver(link, some(link.owed.length));
    else this.#deliverDirect(link);
    for (const lines of link.answers.splice(0, some(link.answers.length))) link.down.push(...lines);
    if (link.deafDown) return;
    for (const line of link.down.splice(0, some(link.down.length))) {
      if (this.#link !== link) return;
      this.trace?.(`  <- ${line}`);
      link.events.onLine(line);
    }
  }

  /** Whether nothing is on its way. */
  get still(): boolean {
    const link = this.#link;
    return !link || [link.up, link.down, link.owed, link.answers].every((queue) => queue.length === 0);
  }

  /** Breaks the connection; what was on its way to the server may still arrive. */
  break(): void {
    const link = this.#link;
    this.close();
    link?.events.onClose({ kind: 'reset', message: 'reset' });
  }

  deafen(direction: 'up' | 'down'): void {
    if (!this.#link) return;
    if (direction === 'up') this.#link.deafUp = true;
    else this.#link.deafDown = true;
  }

  /** The faults stop. A connection that is half-open is found to be broken. */
  calm(): void {
    this.reachable = true;
    this.history = 'answers';
    this.lagged = false;
    if (this.#link?.deafUp || this.#link?.deafDown) this.break();
  }

  /** Puts the person out of a room. */
  kick(room: string): void {
    const link = this.#link;
    if (!link?.rooms.delete(room)) return;
    if (!this.lagged) this.#deliver(link, link.owed.length);
    this.#line(link, `:bo!b@h KICK ${room} ${SELF} :out`);
  }

  /** Somebody else says something. */
  post(place: string, nick: string, text: string): void {
    this.#keep(place, nick, text, undefined);
  }

  // --- the server's end --------------------------------------------------------------------------------------------

  #line(link: Link, line: string): void {
    link.down.push(line);
  }

  #keep(place: string, nick: string, text: string, token: string | undefined): Post {
    // Many a message has the millisecond of the one before, and a clock that was set back stands still.
    const previous = this.log[this.log.length - 1];
    if (!this.kind.ours && (nick === SELF || previous?.nick === SELF)) this.#time += 1;
    if (!this.random.once(3)) this.#time = Math.max(this.#time, this.clock.now());
    const seq = this.log.length + 1;
    const msgid = this.kind.ours ? base32(seq) : `m${((seq * 7919) % 99_991).toString(36)}`;
    const post: Post = { seq, msgid, time: this.#time, place, nick, text, token };
    this.log.push(post);
    const link = this.#link;
    if (!link?.registered) return post;
    if (place.startsWith('#') ? !link.rooms.has(place) : !this.kind.account && nick === SELF) return post;
    link.owed.push(post);
    return post;
  }

  #deliver(link: Link, count: number): void {
    for (const post of link.owed.splice(0, count)) this.#line(link, this.#print(post));
  }

  /** Direct messages do not wait for a slow reader. */
  #deliverDirect(link: Link): void {
    const direct = link.owed.filter((post) => !post.place.startsWith('#'));
    for (const post of direct) {
      link.owed.splice(link.owed.indexOf(post), 1);
      this.#line(link, this.#print(post));
    }
  }

  #print(post: Post, tags = ''): string {
    const token = post.token === undefined ? '' : `;+salotto.chat/token=${post.token}`;
    const time = new Date(post.time).toISOString();
    const target = post.place.startsWith('#') || post.nick === SELF ? post.place : SELF;
    return `@time=${time};msgid=${post.msgid};${tags}x=1${token} :${post.nick}!u@h PRIVMSG ${target} :${post.text}`;
  }

  #take(link: Link, count: number): void {
    for (const line of link.up.splice(0, count)) {
      this.trace?.(`  -> ${line}`);
      this.#command(link, line);
    }
  }

  #command(link: Link, line: string): void {
    const message = parse(line);
    if (!message) return;
    const { command, params, tags } = message;
    const label = tags.get('label') ?? '';
    const [first = '', second = ''] = params;
    const out = (text: string): void => this.#line(link, text);
    switch (command) {
      case 'CAP':
        if (first === 'LS') out(`:s CAP * LS :${this.kind.ours ? `${CAPS} salotto.chat/resume` : CAPS}`);
        else if (first === 'REQ') out(`:s CAP * ACK :${second}`);
        else this.#welcome(link);
        return;
      case 'PING':
        out(`:s PONG s ${first}`);
        return;
      case 'JOIN':
        for (const room of first.split(',')) this.#join(link, room);
        return;
      case 'PART':
        if (!link.rooms.delete(first)) return;
        this.#deliver(link, link.owed.length);
        out(`:${SELF}!u@h PART ${first}`);
        return;
      case 'PRIVMSG':
        this.#say(link, first, second, tags.get('+salotto.chat/token') ?? '', label);
        return;
      case 'CHATHISTORY':
        this.#chathistory(link, params, label);
        return;
    }
  }

  #welcome(link: Link): void {
    link.registered = true;
    if (this.kind.account) this.#line(link, `:s 900 * ${SELF}!u@h ${SELF} :You are now logged in`);
    this.#line(link, `:s 001 ${SELF} :Welcome`);
    this.#line(
      link,
      `:s 005 ${SELF} CASEMAPPING=ascii CHANTYPES=# PREFIX=(ov)@+ CHATHISTORY=${this.kind.limit} :are supported`,
    );
    this.#line(link, `:s 422 ${SELF} :No MOTD`);
    this.#join(link, '#lobby');
  }

  #join(link: Link, room: string): void {
    if (link.rooms.has(room)) return;
    link.rooms.add(room);
    this.#line(link, `@time=${new Date(this.#time).toISOString()} :${SELF}!u@h JOIN ${room}`);
  }

  #say(link: Link, place: string, text: string, token: string, label: string): void {
    if (place.startsWith('#') && !link.rooms.has(place)) {
      this.#line(link, `@label=${label} :s 404 ${SELF} ${place} :Cannot send`);
      return;
    }
    const known = this.log.find((post) => post.token === token);
    const post = known ?? this.#keep(place, SELF, text, token);
    if (!link.registered) return;
    const at = link.owed.indexOf(post);
    if (at >= 0) link.owed.splice(at, 1);
    // A receipt waits for what came before it.
    this.#deliver(link, link.owed.length);
    this.#line(link, this.#print(post, `label=${label};`));
  }

  #chathistory(link: Link, params: readonly string[], label: string): void {
    if (this.history === 'silent') return;
    const [verb = '', place = '', reference = '*'] = params;
    const tag = label === '' ? '' : `@label=${label} `;
    const targets = verb === 'TARGETS';
    if (this.history === 'refuses' || (!targets && place.startsWith('#') && !link.rooms.has(place))) {
      this.#line(
        link,
        `${tag}:s FAIL CHATHISTORY MESSAGE_ERROR ${verb} ${place} :Messages could not be retrieved`,
      );
      return;
    }
    if (!this.kind.ours) this.#deliver(link, link.owed.length);
    const id = `b${(this.#batches += 1)}`;
    const lines = targets
      ? [...new Set(this.log.map((post) => post.place))]
          .filter((name) => !name.startsWith('#'))
          .map((name) => `@batch=${id} :s CHATHISTORY TARGETS ${name} ${new Date(this.#time).toISOString()}`)
      : this.#page(verb, place, reference, Number(params[3])).map((post) =>
          this.#print(post, `batch=${id};`),
        );
    const type = targets ? 'draft/chathistory-targets' : `chathistory ${place}`;
    link.answers.push([`${tag}:s BATCH +${id} ${type}`, ...lines, `:s BATCH -${id}`]);
  }

  #page(verb: string, place: string, reference: string, limit: number): Post[] {
    const all = this.log.filter((post) => post.place === place);
    const [kind, value = ''] = reference.split('=');
    const behind = (): Post[] => {
      if (kind === 'msgid') return all.slice(all.findIndex((post) => post.msgid === value) + 1);
      return kind === 'timestamp' ? all.filter((post) => post.time > Date.parse(value)) : all;
    };
    switch (verb) {
      case 'BEFORE': {
        const at = all.findIndex((post) => post.msgid === value);
        return all.slice(Math.max(0, at - limit), at);
      }
      case 'AFTER':
        return behind().slice(0, limit);
      default:
        return behind().slice(-limit);
    }
  }
}
