import { Connection, type ConnectionState, type Credentials } from '../connection';
import { attention } from '../notify';
import { Observable } from '../observable';
import { Outbox, type OutboxItem, type OutboxState } from '../outbox';
import { parseMarker } from '../readstate';
import type { EventEntry, MessageEntry } from '../timeline';
import type { Target } from '../transport';
import { splitText, textBudget, type ISupport, type Message, type Source } from '../wire';
import { Batches, isBatch, type Batch } from './batches';
import { Devices, serverKey } from './devices';
import type { RoomInfo } from './events';
import { History } from './history';
import { compareMsgids, messageEntry, timeOf, TOKEN_TAG } from './convert';
import { JOIN_REFUSALS, REFUSALS } from './numerics';
import { ReadMarks } from './marks';
import { Membership } from './membership';
import type { ChatOptions } from './options';
import { Directory, WhoIsReader } from './people';
import { Room } from './room';

/** The most talks with one person that are open; then the one opened first is closed, and can be opened again. */
export const TALKS_MAX = 500;

/**
 * One person's chat at one server: rooms, people, what was said, and what is still to be said. It outlives the
 * connection; nothing on the screen goes away when the network does.
 */
export class Chat extends Observable {
  readonly connection: Connection;
  readonly devices: Devices;
  readonly #rooms = new Map<string, Room>();
  readonly #batches: Batches;
  readonly #history: History;
  #outbox: Outbox | undefined;
  #scope = '';
  #active: Room | undefined;
  #focused = true;
  #notifications = false;
  #lastToast = Number.NEGATIVE_INFINITY;
  #lag = 0;
  #away = false;
  #mask = '';
  #wasOnline = false;
  #welcomed = false;
  #count = 0;
  readonly #membership: Membership;
  #asked = new Set<string>();
  readonly #labels = new Map<string, string>();
  readonly #unlabeled = new Map<string, OutboxItem>();
  readonly #whois = new WhoIsReader();
  readonly #directory = new Directory<RoomInfo>();
  readonly #marks: ReadMarks;
  #catchUp: { open: Set<Room>; messages: number } | undefined;

  constructor(private readonly options: ChatOptions) {
    super();
    this.connection = new Connection({
      transport: options.transport,
      clock: options.clock,
      random: options.random,
      device: options.device,
      handlers: {
        state: (state) => this.#connectionState(state),
        message: (message) => this.#batches.take(message),
        lag: (ms) => {
          this.#lag = ms;
          this.changed();
        },
        device: (token) => this.devices.keep(token),
      },
    });
    this.devices = new Devices(this.connection, options.memory);
    this.#marks = new ReadMarks(
      this.connection,
      options.clock,
      options.memory,
      (name) => `read:${this.#scope}:${this.#fold(name)}`,
    );
    this.#batches = new Batches(
      (message) => this.#handle(message),
      (batch) => this.#batch(batch),
    );
    const support = (): ISupport => this.support;
    const rooms = (): Room[] => this.rooms;
    this.#membership = new Membership({
      get support() {
        return support();
      },
      get rooms() {
        return rooms();
      },
      find: (name) => this.find(name),
      isSelf: (nick) => this.isSelf(nick),
      event: (message, room, event) => this.#event(message, room, event),
      talkRenamed: (room, nick) => this.#talkRenamed(room, nick),
    });
    this.#history = new History(this.connection, options.clock, (message, room) =>
      this.#messageEntry(message, room),
    );
  }

  // --- what there is -------------------------------------------------------------------------------------------

  get state(): ConnectionState {
    return this.connection.state;
  }

  get online(): boolean {
    return this.state.kind === 'online';
  }

  /** Whether we have ever been signed in: from then on the rooms are shown, whatever the connection does. */
  get signedIn(): boolean {
    return this.#welcomed;
  }

  get nick(): string {
    return this.connection.nick;
  }

  get support(): ISupport {
    return this.connection.isupport;
  }

  /** What to call the server. */
  get network(): string {
    return this.#network || this.connection.target?.host || '';
  }
  #network = '';

  get rooms(): Room[] {
    return [...this.#rooms.values()];
  }

  get active(): Room | undefined {
    return this.#active;
  }

  /** The last measured time of a question to the server and back, in ms. */
  get lag(): number {
    return this.#lag;
  }

  get away(): boolean {
    return this.#away;
  }

  /** Where small values of this person at this server are kept. */
  get scope(): string {
    return this.#scope;
  }

  find(name: string): Room | undefined {
    return this.#rooms.get(this.#fold(name));
  }

  isSelf(nick: string): boolean {
    return this.#fold(nick) === this.#fold(this.nick);
  }

  /** Messages not yet confirmed, over all rooms. */
  unsent(): { readonly item: OutboxItem; readonly state: OutboxState; readonly slow: boolean }[] {
    return this.#outbox?.items() ?? [];
  }

  /** How many messages wait for the person's attention: mentions in rooms, all in direct talks. */
  badge(): number {
    return this.rooms.reduce(
      (sum, room) => sum + (room.kind === 'direct' ? room.unread.count : room.unread.mentions),
      0,
    );
  }

  // --- what can be done ----------------------------------------------------------------------------------------

  connect(target: Target, credentials: Credentials, rooms: readonly string[] = [], returning = false): void {
    this.#reset();
    this.#scope = `${serverKey(target)}/${credentials.nick.toLowerCase()}`;
    for (const name of rooms) this.#asked.add(name);
    this.connection.connect(target, this.devices.known(target, credentials), returning);
  }

  #reset(): void {
    this.#marks.clear();
    this.#rooms.clear();
    this.#active = undefined;
    this.#outbox = undefined;
    this.#wasOnline = false;
    this.#welcomed = false;
    this.#away = false;
    this.#asked.clear();
    this.#forget();
    this.changed();
  }

  /** Answers to questions of a connection that is gone will not come any more. */
  #forget(): void {
    this.#batches.clear();
    this.#history.clear();
    this.#membership.clear();
    this.#labels.clear();
    this.#unlabeled.clear();
    this.#whois.clear();
    this.devices.clear();
    this.#directory.end();
    this.#catchUp = undefined;
    this.#lag = 0;
  }

  quit(text?: string): void {
    this.connection.quit(text);
  }

  /** Says something in a room. `false` when too much is waiting already. */
  say(room: Room, text: string, type: 'message' | 'action' = 'message'): boolean {
    const parts = this.split(room, text, type);
    // All of it or nothing: half a text would be said twice when the person tries again.
    if (!this.#outbox || this.#outbox.free < parts.length) return false;
    for (const part of parts) this.#outbox.add(room.name, part, type);
    room.clearUnreadLine();
    const newest = room.timeline.entries[room.timeline.entries.length - 1];
    if (newest) this.#markRead(room, newest.time);
    return true;
  }

  /** The messages that a text will be sent as. */
  split(room: Room, text: string, type: 'message' | 'action' = 'message'): string[] {
    return splitText(text, this.textBudget(room, type));
  }

  textBudget(room: Room, type: 'message' | 'action' = 'message'): number {
    // Until the server has shown us our own source, assume a long one.
    const mask = this.#mask || `${this.nick}!${'u'.repeat(10)}@${'h'.repeat(63)}`;
    return textBudget(room.name, mask, type === 'action');
  }

  retry(token: string): void {
    this.#outbox?.retry(token);
  }

  /** Takes an unsent message back and returns its text. */
  withdraw(token: string): string | undefined {
    const item = this.#outbox?.remove(token);
    if (item) {
      this.find(item.target)?.timeline.removePending(token);
      this.#countFailed(item.target);
    }
    return item?.text;
  }

  releaseHeld(): void {
    this.#outbox?.release();
  }

  discardHeld(): void {
    for (const { item, state } of this.unsent()) if (state === 'held') this.withdraw(item.token);
  }

  join(name: string, key?: string): void {
    this.#asked.add(this.#fold(name));
    this.connection.send('JOIN', key ? [name, key] : [name]);
  }

  /** Leaves a room, or closes a direct talk. */
  leave(room: Room, reason?: string): void {
    if (room.kind === 'room' && room.joined)
      this.connection.send('PART', reason ? [room.name, reason] : [room.name]);
    room.setUnwanted();
    this.#close(room);
  }

  /** Opens the talk with one person. */
  direct(nick: string): Room {
    return this.find(nick) ?? this.#add('direct', nick);
  }

  rename(nick: string): void {
    this.connection.send('NICK', [nick]);
  }

  setTopic(room: Room, topic: string): void {
    this.connection.send('TOPIC', [room.name, topic]);
  }

  setAway(reason: string | undefined): void {
    this.connection.send('AWAY', reason ? [reason] : []);
  }

  whois(nick: string): void {
    this.connection.send('WHOIS', [nick]);
  }

  invite(nick: string, room: Room): void {
    this.connection.send('INVITE', [nick, room.name]);
  }

  kick(room: Room, nick: string, reason: string): void {
    this.connection.send('KICK', reason ? [room.name, nick, reason] : [room.name, nick]);
  }

  /** Every room that the server lets us see. */
  list(): Promise<RoomInfo[]> {
    const found = this.#directory.ask();
    if (this.online) this.connection.send('LIST');
    else this.#directory.end();
    return found;
  }

  /** Asks who is away: the list of names does not say it. */
  refreshPresence(room: Room): void {
    if (this.online && room.joined)
      this.connection.send('WHO', this.support.has('WHOX') ? [room.name, '%tcnfa,42'] : [room.name]);
  }

  loadOlder(room: Room): void {
    if (this.online) this.#history.older(room);
  }

  loadGap(room: Room, gap: string): void {
    if (this.online) this.#history.fill(room, gap, () => room.recount());
  }

  typing(room: Room, state: string): void {
    if (this.online && this.connection.has('message-tags'))
      this.connection.send('TAGMSG', [room.name], { '+typing': state });
  }

  setNotifications(enabled: boolean): void {
    this.#notifications = enabled;
  }

  setFocus(focused: boolean): void {
    if (this.#focused === focused) return;
    this.#focused = focused;
    this.changed();
  }

  get focused(): boolean {
    return this.#focused;
  }

  open(room: Room | undefined): void {
    if (this.#active === room) return;
    this.#active?.clearUnreadLine();
    this.#active = room;
    room?.placeUnreadLine();
    this.changed();
  }

  /** Rows up to this time have been on the screen, before the person's eyes. */
  seen(room: Room, time: number): void {
    if (this.#focused && room === this.#active) this.#markRead(room, time);
  }

  markAllRead(room: Room): void {
    const newest = room.timeline.entries[room.timeline.entries.length - 1];
    if (newest) this.#markRead(room, newest.time);
    room.clearUnreadLine();
  }

  /** Adds a line that only this person sees. */
  note(room: Room, text: string, tone: 'info' | 'error' | 'server' = 'info'): void {
    const newest = room.timeline.entries[room.timeline.entries.length - 1];
    const time = Math.max(this.options.clock.now(), newest?.time ?? 0);
    room.timeline.add({ kind: 'note', id: this.#id('note'), time, text, tone });
  }

  #markRead(room: Room, time: number): void {
    if (!room.markRead(time)) return;
    this.changed();
    this.#marks.mark(room);
  }

  // --- rooms ---------------------------------------------------------------------------------------------------

  #fold(name: string): string {
    return this.support.fold(name);
  }

  #id(what: string): string {
    return `${what}-${(this.#count += 1)}`;
  }

  #add(kind: Room['kind'], name: string): Room {
    const idle = this.rooms.filter((room) => room.kind === 'direct' && room !== this.#active);
    const [oldest] = idle.filter((room) => room.timeline.pending.length === 0);
    if (oldest && idle.length >= TALKS_MAX) this.#close(oldest);
    const order = (msgid: string, other: string): number =>
      this.connection.has('salotto.chat/resume') ? compareMsgids(msgid, other) : 0;
    const room = new Room(kind, name, this.options.clock, order);
    const read = this.#marks.stored(name);
    if (read > 0) room.restoreRead(read);
    else if (kind === 'direct') room.assumeRead(1);
    this.#rooms.set(this.#fold(name), room);
    room.subscribe(() => this.changed());
    this.#restorePending(room);
    if (kind === 'direct' && this.online) this.#fetchDirect(room);
    this.changed();
    return room;
  }

  #close(room: Room): void {
    this.#rooms.delete(this.#fold(room.name));
    if (this.#active === room) {
      this.#active = undefined;
      this.open(this.rooms[0]);
    }
    this.changed();
  }

  // --- the connection ------------------------------------------------------------------------------------------

  #connectionState(state: ConnectionState): void {
    if (state.kind === 'online') this.#nowOnline();
    else if (state.kind !== 'connecting' && state.kind !== 'registering') {
      this.#forget();
      this.#outbox?.offline();
      for (const room of this.#rooms.values()) room.setJoined(false);
      if (state.kind === 'stopped' && state.reason.kind === 'quit') this.#marks.clear();
    }
    this.changed();
  }

  #nowOnline(): void {
    const again = this.#wasOnline;
    this.#wasOnline = true;
    this.#network = this.support.network ?? this.#network;
    const missing = this.rooms
      .filter((room) => room.kind === 'room' && room.wanted && !room.joined)
      .map((room) => room.name);
    const asked = [...this.#asked].filter((name) => !this.find(name)?.joined && this.support.isChannel(name));
    const names = [...new Set([...missing, ...asked])];
    if (names.length > 0) this.connection.send('JOIN', [names.join(',')]);
    if (again) {
      const open = this.rooms.filter(
        (room) => room.wanted || (room.kind === 'direct' && this.connection.account !== undefined),
      );
      this.#catchUp = { open: new Set(open), messages: 0 };
    }
    for (const room of this.rooms) {
      if (room.joined && !room.caughtUp && !room.loading) this.#fetch(room);
      else if (room.kind === 'direct') this.#fetchDirect(room);
    }
    // Somebody may have written for the first time while we were away.
    if (this.connection.account !== undefined) this.#history.talks((nick) => this.direct(nick));
    this.#caughtUp();
    this.#openOutbox();
  }

  #openOutbox(): void {
    const ready = (target: string): boolean => {
      const room = this.find(target);
      // Nothing is said before what was missed is here: the server may turn out to have it already.
      return this.support.isChannel(target)
        ? room?.joined === true && room.caughtUp
        : room?.caughtUp !== false;
    };
    if (this.#outbox) {
      this.#outbox.online(ready);
      return;
    }
    const outbox = new Outbox(
      this.#scope,
      this.options.outbox,
      this.options.clock,
      {
        transmit: (item) => this.#transmit(item),
        changed: (item, state, slow) => this.#outboxChanged(item, state, slow),
      },
      this.options.uuid,
    );
    this.#outbox = outbox;
    void outbox
      .restore((item) => this.find(item.target)?.timeline.knowsToken(item.token) ?? false)
      .then(
        () => {
          if (this.#outbox === outbox && this.online) outbox.online(ready);
        },
        () => outbox.online(ready),
      );
  }

  #transmit(item: OutboxItem): void {
    const text = item.type === 'action' ? `\x01ACTION ${item.text}\x01` : item.text;
    const label = this.connection.sendLabeled('PRIVMSG', [item.target, text], { [TOKEN_TAG]: item.token });
    if (label !== undefined) this.#labels.set(label, item.token);
    if (!this.connection.has('echo-message')) {
      // Without an echo, the answer to a question asked afterwards says that the server has read the line; it
      // does not say that it was accepted.
      this.#unlabeled.set(item.token, item);
      this.connection.send('PING', [`sent-${item.token}`]);
    }
  }

  #outboxChanged(item: OutboxItem, state: OutboxState, slow: boolean): void {
    const room =
      this.find(item.target) ??
      (this.support.isChannel(item.target) ? undefined : this.#add('direct', item.target));
    if (!room) return;
    const shown = state === 'failed' ? 'failed' : 'queued';
    if (room.timeline.pending.some((entry) => entry.token === item.token)) {
      room.timeline.updatePending(item.token, { state: shown, reason: item.failure, slow });
    } else room.timeline.addPending(this.#pendingEntry(item, shown));
    this.#countFailed(item.target);
    this.changed();
  }

  #pendingEntry(item: OutboxItem, state: 'queued' | 'failed'): MessageEntry {
    return {
      kind: 'message',
      id: item.token,
      token: item.token,
      time: item.createdAt,
      order: item.order,
      type: item.type,
      nick: this.nick,
      text: item.text,
      own: true,
      mention: false,
      state,
      ...(item.failure === undefined ? {} : { reason: item.failure }),
    };
  }

  #restorePending(room: Room): void {
    for (const { item, state } of this.unsent()) {
      if (
        this.#fold(item.target) === this.#fold(room.name) &&
        !room.timeline.pending.some((entry) => entry.token === item.token)
      )
        room.timeline.addPending(this.#pendingEntry(item, state === 'failed' ? 'failed' : 'queued'));
    }
    this.#countFailed(room.name);
  }

  #countFailed(target: string): void {
    const key = this.#fold(target);
    this.find(target)?.setFailed(
      this.unsent().filter(({ item, state }) => state === 'failed' && this.#fold(item.target) === key).length,
    );
  }

  // --- history -------------------------------------------------------------------------------------------------

  #fetch(room: Room): void {
    this.#history.latest(room, (added) => {
      room.setCaughtUp();
      room.recount();
      if (room === this.#active) {
        if (!this.#focused || added.length > 0) this.#lineForUnseen(room);
      }
      if (this.#catchUp?.open.delete(room)) {
        this.#catchUp.messages += added.filter((entry) => entry.kind === 'message' && !entry.own).length;
        this.#caughtUp();
      }
      this.#confirmSeen(room);
      this.#outbox?.poke();
    });
  }

  #fetchDirect(room: Room): void {
    if (this.connection.account === undefined || !this.connection.has('draft/chathistory')) {
      // Nobody can write to a guest who is not there.
      if (this.connection.account === undefined) room.timeline.giveUp(false);
      room.setCaughtUp();
      this.#catchUp?.open.delete(room);
      return;
    }
    if (this.connection.has('draft/read-marker')) this.connection.send('MARKREAD', [room.name]);
    this.#fetch(room);
  }

  /** Own messages may have come back with history without their echo ever having reached us. */
  #confirmSeen(room: Room): void {
    const waiting = this.unsent().map(({ item }) => item.token);
    this.#outbox?.confirm(...waiting.filter((token) => room.timeline.knowsToken(token)));
  }

  #caughtUp(): void {
    const catchUp = this.#catchUp;
    if (!catchUp || catchUp.open.size > 0) return;
    this.#catchUp = undefined;
    this.options.onEvent({ kind: 'back-online', messages: catchUp.messages });
  }

  #lineForUnseen(room: Room): void {
    if (room.unreadAfter === undefined) room.placeUnreadLine();
  }

  #batch(batch: Batch): void {
    if (batch.type.endsWith('chathistory') || batch.type.endsWith('chathistory-targets')) {
      const messages = batch.items.filter((item): item is Message => !isBatch(item));
      this.#history.batch(batch, messages, this.find(batch.params[0] ?? ''));
      return;
    }
    for (const item of batch.items) {
      if (isBatch(item)) this.#batch(item.label === undefined ? { ...item, label: batch.label } : item);
      else this.#handle(item, batch.label);
    }
  }

  // --- lines ---------------------------------------------------------------------------------------------------

  #time(message: Message): number {
    return timeOf(message, this.options.clock.now());
  }

  #messageEntry(message: Message, room: Room): MessageEntry | undefined {
    return messageEntry(message, {
      nick: this.nick,
      isSelf: (nick) => this.isSelf(nick),
      mentions: room.kind === 'room',
      now: this.options.clock.now(),
      id: () => this.#id('line'),
    });
  }

  #event(message: Message, room: Room, event: Omit<EventEntry, 'kind' | 'id' | 'time' | 'own'>): void {
    const msgid = message.tags.get('msgid');
    // One QUIT or NICK is told in every room that the person is in.
    const own = message.source ? this.isSelf(message.source.nick) : false;
    room.timeline.add({
      kind: 'event',
      id: this.#id('event'),
      time: this.#time(message),
      ...(msgid === undefined ? {} : { msgid }),
      own,
      ...event,
    });
  }

  #handle(message: Message, batchLabel?: string): void {
    if (this.#membership.take(message)) {
      this.#ourselves(message);
      return;
    }
    const { command, params, source } = message;
    const label = message.tags.get('label') ?? batchLabel;
    switch (command) {
      case '001':
        this.#welcome();
        return;
      case 'PONG':
        this.#pong(params[params.length - 1] ?? '');
        return;
      case 'PRIVMSG':
      case 'NOTICE':
        if (label !== undefined) this.#labels.delete(label);
        this.#said(message);
        return;
      case 'TAGMSG':
        this.#tagged(message);
        return;
      case 'INVITE':
        if (this.isSelf(params[0] ?? ''))
          this.options.onEvent({ kind: 'invited', room: params[1] ?? '', by: source?.nick ?? '' });
        return;
      case 'MARKREAD': {
        const time = parseMarker(params[1]);
        if (time !== undefined) this.find(params[0] ?? '')?.restoreRead(time);
        return;
      }
      case 'RESUME':
        this.devices.take(message);
        return;
      case 'FAIL':
        this.#fail(message, label);
        return;
      case 'WARN':
      case 'NOTE':
        this.options.onEvent({ kind: 'server-notice', text: params[params.length - 1] ?? '' });
        return;
      default:
        this.#numeric(message, label);
    }
  }

  #welcome(): void {
    this.#batches.clear();
    this.#welcomed = true;
    this.changed();
  }

  #pong(token: string): void {
    if (!token.startsWith('sent-')) return;
    const item = this.#unlabeled.get(token.slice('sent-'.length));
    if (!item) return;
    this.#unlabeled.delete(item.token);
    if (!this.#outbox?.confirm(item.token)) return;
    const room = this.find(item.target);
    room?.timeline.add({
      ...this.#pendingEntry(item, 'queued'),
      state: 'sent',
      time: this.options.clock.now(),
    });
  }

  #said(message: Message): void {
    const { source, params } = message;
    const target = params[0] ?? '';
    // Before a nick there is only a server; its notices belong to no room.
    if (
      !source ||
      (source.user === '' && source.host === '' && source.nick.includes('.')) ||
      target === '*'
    ) {
      if (message.command === 'NOTICE')
        this.options.onEvent({ kind: 'server-notice', text: params[1] ?? '' });
      return;
    }
    const own = this.isSelf(source.nick);
    const place = this.support.isChannel(target) ? target : own ? target : source.nick;
    const known = this.find(place);
    if (
      !known &&
      (this.support.isChannel(place) || (message.params[1] ?? '').startsWith('\x01') || source.host === '')
    ) {
      if (message.command === 'NOTICE')
        this.options.onEvent({ kind: 'server-notice', text: params[1] ?? '' });
      return;
    }
    const room = known ?? this.#add('direct', place);
    const entry = this.#messageEntry(message, room);
    if (!entry) return;
    if (own && source.host !== '') this.#mask = `${source.nick}!${source.user}@${source.host}`;
    const again = entry.token !== undefined && this.#outbox?.sentAgain(entry.token) === true;
    if (entry.token !== undefined) this.#outbox?.confirm(entry.token);
    room.typing.drop(source.nick);
    room.lastSpoke.set(this.#fold(source.nick), entry.time);
    if (!room.timeline.add(entry, again)) return;
    room.recount();
    const looking = this.#focused && room === this.#active;
    if (own) {
      // Said from here or from another of our own windows: everything above was read.
      this.#markRead(room, entry.time);
      return;
    }
    if (room === this.#active && !looking) this.#lineForUnseen(room);
    const now = this.options.clock.now();
    const level = attention({
      enabled: this.#notifications,
      own,
      replay: entry.time <= room.readUpTo,
      direct: room.kind === 'direct',
      mention: entry.mention,
      muted: false,
      looking,
      sinceLast: now - this.#lastToast,
    });
    if (level === 'toast') this.#lastToast = now;
    this.options.onEvent({ kind: 'message', room, entry, attention: level });
    this.changed();
  }

  #tagged(message: Message): void {
    const typing = message.tags.get('+typing');
    const nick = message.source?.nick ?? '';
    if (typing === undefined || this.isSelf(nick)) return;
    const target = message.params[0] ?? '';
    this.find(this.support.isChannel(target) ? target : nick)?.typing.heard(nick, typing);
  }

  #joinedSelf(message: Message, source: Source): void {
    const name = message.params[0] ?? '';
    this.#mask = `${source.nick}!${source.user}@${source.host}`;
    const room = this.find(name) ?? this.#add('room', name);
    const asked = this.#asked.delete(this.#fold(name));
    const first = !room.wanted;
    room.assumeRead(this.#time(message));
    room.setJoined(true);
    room.members.set(this.#fold(source.nick), { nick: source.nick, marks: '', away: this.#away });
    // Coming back after a lost connection is not worth a line of our own.
    if (first) this.#event(message, room, { event: 'join', nick: source.nick });
    this.#fetch(room);
    if (first && !this.rooms.some((other) => other !== room && other.kind === 'room'))
      this.options.onEvent({ kind: 'welcome', nick: this.nick, room });
    this.options.onEvent({ kind: 'joined', room, asked });
  }

  /** What lines about people mean for ourselves, after the rooms have been told. */
  #ourselves(message: Message): void {
    const { command, params, source } = message;
    const room = this.find(params[0] ?? '');
    if (command === 'JOIN' && source && this.isSelf(source.nick)) this.#joinedSelf(message, source);
    else if (command === 'PART' && room && source && this.isSelf(source.nick)) {
      this.#left(room);
      this.#close(room);
    } else if (command === 'KICK' && room && this.isSelf(params[1] ?? '')) {
      this.#left(room);
      this.options.onEvent({ kind: 'removed', room, by: source?.nick ?? '', reason: params[2] ?? '' });
    }
    this.changed();
  }

  #left(room: Room): void {
    this.#history.left(room);
    room.setJoined(false);
    room.setUnwanted();
    this.#catchUp?.open.delete(room);
    this.#caughtUp();
  }

  #talkRenamed(room: Room, nick: string): void {
    const to = this.#fold(nick);
    if (this.#rooms.has(to)) return;
    this.#rooms.delete(this.#fold(room.name));
    this.#rooms.set(to, room);
    this.#outbox?.rename(room.name, nick);
    room.rename(nick);
  }

  #fail(message: Message, label: string | undefined): void {
    const [command = '', code = '', ...rest] = message.params;
    const reason = rest[rest.length - 1] ?? '';
    if (command === 'RESUME') {
      this.devices.failed();
      return;
    }
    if (command === 'CHATHISTORY') {
      this.#history.failed(
        label,
        rest
          .slice(0, -1)
          .map((name) => this.find(name))
          .find((room) => room !== undefined),
      );
      return;
    }
    if (this.#failSend(label, rest[0] ?? '', reason, command === 'PRIVMSG')) return;
    this.options.onEvent({
      kind: 'refused',
      code,
      subject: rest.length > 1 ? (rest[0] ?? '') : command,
      reason,
      joining: command === 'JOIN',
    });
  }

  /** Whether a refusal was about one of our messages. */
  #failSend(label: string | undefined, target: string, reason: string, sure = false): boolean {
    const token = label === undefined ? undefined : this.#labels.get(label);
    const item =
      token ??
      (label === undefined && (sure || !this.connection.has('labeled-response'))
        ? this.#outbox?.oldestInFlight(target)?.token
        : undefined);
    if (item === undefined) return false;
    this.#unlabeled.delete(item);
    this.#outbox?.fail(item, reason);
    return true;
  }

  #numeric(message: Message, label: string | undefined): void {
    const { command, params } = message;
    const last = params[params.length - 1] ?? '';
    const subject = params[1] ?? '';
    switch (command) {
      case '305':
      case '306':
        this.#away = command === '306';
        this.#membership.setAway(this.nick, this.#away);
        this.options.onEvent({ kind: 'away', away: this.#away });
        this.changed();
        return;
      case '322':
        this.#directory.add({ name: subject, people: Number(params[2]) || 0, topic: params[3] ?? '' });
        return;
      case '323':
        this.#directory.end();
        return;
      case '311':
      case '319':
      case '330':
      case '317':
      case '301':
      case '318': {
        const person = this.#whois.take(command, params);
        if (person) this.options.onEvent({ kind: 'whois', person });
        return;
      }
      case '372':
        return;
    }
    if (!REFUSALS.has(command)) return;
    if (this.#failSend(label, subject, last)) return;
    this.options.onEvent({
      kind: 'refused',
      code: command,
      subject,
      reason: last,
      joining: JOIN_REFUSALS.has(command) && this.#asked.delete(this.#fold(subject)),
    });
  }
}
