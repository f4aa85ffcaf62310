import type { EventEntry } from '../timeline';
import type { ISupport, Message, Source } from '../wire';
import { leaveReason } from './convert';
import { applyModes, NamesReader } from './people';
import type { Member, Room } from './room';

/** What the rooms' side of the protocol needs to know of the chat around it. */
export interface Surroundings {
  readonly support: ISupport;
  readonly rooms: Room[];
  find(name: string): Room | undefined;
  isSelf(nick: string): boolean;
  /** Writes a line of what happened into a room. */
  event(message: Message, room: Room, event: Omit<EventEntry, 'kind' | 'id' | 'time' | 'own'>): void;
  /** The person that a talk is with has another name. */
  talkRenamed(room: Room, nick: string): void;
}

/** Who is in which room, and in what role: everything about other people that rooms are told. */
export class Membership {
  readonly #names = new NamesReader();

  constructor(private readonly around: Surroundings) {}

  clear(): void {
    this.#names.clear();
  }

  #fold(name: string): string {
    return this.around.support.fold(name);
  }

  /** Takes a line about people and rooms; `false` when it is none. What it means for ourselves is not done here. */
  take(message: Message): boolean {
    const { command, params, source } = message;
    const last = params[params.length - 1] ?? '';
    switch (command) {
      case 'JOIN':
        if (source) this.#joined(message, source);
        return true;
      case 'PART':
        if (source) this.#parted(message, source);
        return true;
      case 'QUIT':
        if (source) this.#quitted(message, source);
        return true;
      case 'KICK':
        this.#kicked(message);
        return true;
      case 'NICK':
        if (source) this.#renamed(message, source, params[0] ?? '');
        return true;
      case 'TOPIC':
        this.#topic(message);
        return true;
      case 'MODE':
        this.#mode(message);
        return true;
      case 'AWAY':
        if (source) this.setAway(source.nick, params.length > 0 && params[0] !== '');
        return true;
      case 'ACCOUNT':
        if (source) {
          const account = params[0] === '*' ? undefined : params[0];
          this.#everywhere(source.nick, ({ account: _, ...member }) =>
            account === undefined ? member : { ...member, account },
          );
        }
        return true;
      case '353':
        this.#names.line(params, this.around.support);
        return true;
      case '366':
        this.#namesEnd(params[1] ?? '');
        return true;
      case '332':
        this.around.find(params[1] ?? '')?.setTopic(last);
        return true;
      case '331':
        this.around.find(params[1] ?? '')?.setTopic('');
        return true;
      case '354': {
        // WHOX with our fields: type, channel, nick, flags, account.
        const [, type, channel = '', nick = '', flags = '', account = '0'] = params;
        if (type === '42') this.#presence(channel, nick, flags, account === '0' ? undefined : account);
        return true;
      }
      case '352':
        this.#presence(params[1] ?? '', params[5] ?? '', params[6] ?? '', undefined);
        return true;
      default:
        return false;
    }
  }

  setAway(nick: string, away: boolean): void {
    this.#everywhere(nick, (member) => ({ ...member, away }));
  }

  #joined(message: Message, source: Source): void {
    const [name = '', account = '*'] = message.params;
    const room = this.around.find(name);
    if (!room || this.around.isSelf(source.nick)) return;
    room.members.set(this.#fold(source.nick), {
      nick: source.nick,
      marks: '',
      away: false,
      ...(account === '*' ? {} : { account }),
    });
    room.membersChanged();
    this.around.event(message, room, { event: 'join', nick: source.nick });
  }

  #parted(message: Message, source: Source): void {
    const [name = '', reason] = message.params;
    const room = this.around.find(name);
    if (room && !this.around.isSelf(source.nick)) this.#gone(message, room, source.nick, reason, false);
  }

  #gone(message: Message, room: Room, nick: string, text: string | undefined, quit: boolean): void {
    room.members.delete(this.#fold(nick));
    room.typing.drop(nick);
    room.membersChanged();
    this.around.event(message, room, { event: 'leave', nick, ...leaveReason(text, quit) });
  }

  #quitted(message: Message, source: Source): void {
    const key = this.#fold(source.nick);
    for (const room of this.around.rooms) {
      if (room.members.has(key) || (room.kind === 'direct' && this.#fold(room.name) === key))
        this.#gone(message, room, source.nick, message.params[0], true);
    }
  }

  #kicked(message: Message): void {
    const [name = '', nick = '', reason = ''] = message.params;
    const room = this.around.find(name);
    if (!room) return;
    room.members.delete(this.#fold(nick));
    room.membersChanged();
    this.around.event(message, room, {
      event: 'kick',
      nick: message.source?.nick ?? '',
      detail: nick,
      ...(reason ? { reason } : {}),
    });
  }

  #renamed(message: Message, source: Source, nick: string): void {
    const from = this.#fold(source.nick);
    for (const room of this.around.rooms) {
      const member = room.members.get(from);
      if (member) {
        room.members.delete(from);
        room.members.set(this.#fold(nick), { ...member, nick });
        room.membersChanged();
      }
      const partner = room.kind === 'direct' && this.#fold(room.name) === from;
      if (member || partner)
        this.around.event(message, room, { event: 'rename', nick: source.nick, detail: nick });
      if (partner) this.around.talkRenamed(room, nick);
    }
  }

  #topic(message: Message): void {
    const [name = '', topic = ''] = message.params;
    const room = this.around.find(name);
    if (!room) return;
    room.setTopic(topic);
    this.around.event(message, room, { event: 'topic', nick: message.source?.nick ?? '', detail: topic });
  }

  #mode(message: Message): void {
    const [name = '', ...modes] = message.params;
    const room = this.around.find(name);
    if (room?.kind !== 'room') return;
    applyModes(message.params, this.around.support, room.members);
    room.membersChanged();
    this.around.event(message, room, {
      event: 'mode',
      nick: message.source?.nick ?? '',
      detail: modes.join(' '),
    });
  }

  #everywhere(nick: string, change: (member: Member) => Member): void {
    const key = this.#fold(nick);
    for (const room of this.around.rooms) {
      const member = room.members.get(key);
      if (!member) continue;
      room.members.set(key, change(member));
      room.membersChanged();
    }
  }

  #namesEnd(name: string): void {
    const room = this.around.find(name);
    const members = this.#names.end(name, this.around.support, room?.members ?? new Map<string, Member>());
    if (!room || !members) return;
    room.members.clear();
    for (const [key, member] of members) room.members.set(key, member);
    room.membersChanged();
  }

  #presence(channel: string, nick: string, flags: string, account: string | undefined): void {
    const room = this.around.find(channel);
    const member = room?.members.get(this.#fold(nick));
    if (!room || !member) return;
    room.members.set(this.#fold(nick), {
      ...member,
      away: flags.startsWith('G'),
      ...(account === undefined ? {} : { account }),
    });
    room.membersChanged();
  }
}
