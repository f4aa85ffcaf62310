import type { ISupport } from '../wire';
import type { WhoIs } from './events';
import type { Member } from './room';

/** Gathers the lines of NAMES (353) until its end (366). */
export class NamesReader {
  readonly #rooms = new Map<string, Member[]>();

  clear(): void {
    this.#rooms.clear();
  }

  line(params: readonly string[], support: ISupport): void {
    const room = support.fold(params[2] ?? '');
    const members = this.#rooms.get(room) ?? [];
    const { marks } = support.prefixes;
    for (const item of (params[3] ?? '').split(' ').filter(Boolean)) {
      let start = 0;
      while (start < item.length && marks.includes(item.charAt(start))) start += 1;
      const nick = item.slice(start).split('!')[0] ?? '';
      if (nick) members.push({ nick, marks: item.slice(0, start), away: false });
    }
    this.#rooms.set(room, members);
  }

  /** Everybody in a room, by folded name; what was known of them is kept. `undefined` when no line came. */
  end(name: string, support: ISupport, known: ReadonlyMap<string, Member>): Map<string, Member> | undefined {
    const key = support.fold(name);
    const members = this.#rooms.get(key);
    this.#rooms.delete(key);
    if (!members) return undefined;
    return new Map(
      members.map((member) => {
        const before = known.get(support.fold(member.nick));
        return [support.fold(member.nick), before ? { ...before, marks: member.marks } : member];
      }),
    );
  }
}

/** Changes members' marks as a MODE line says. */
export function applyModes(params: readonly string[], support: ISupport, members: Map<string, Member>): void {
  const [, letters = '', ...args] = params;
  const { modes, marks } = support.prefixes;
  let adding = true;
  for (const letter of letters) {
    if (letter === '+' || letter === '-') {
      adding = letter === '+';
      continue;
    }
    const param = support.modeTakesParam(letter, adding) ? args.shift() : undefined;
    const mark = marks.charAt(modes.indexOf(letter));
    const member = members.get(support.fold(param ?? ''));
    if (!modes.includes(letter) || !member) continue;
    const kept = member.marks.replace(mark, '');
    const next = adding ? [...marks].filter((each) => kept.includes(each) || each === mark).join('') : kept;
    members.set(support.fold(member.nick), { ...member, marks: next });
  }
}

/** Gathers the answers of WHOIS until its end (318). */
export class WhoIsReader {
  #person: { -readonly [K in keyof WhoIs]: WhoIs[K] } | undefined;

  clear(): void {
    this.#person = undefined;
  }

  /** Takes one numeric; the person when it was the last. */
  take(command: string, params: readonly string[]): WhoIs | undefined {
    const last = params[params.length - 1] ?? '';
    if (command === '311') this.#person = { nick: params[1] ?? '', realName: last };
    const person = this.#person;
    if (!person) return undefined;
    switch (command) {
      case '319':
        person.rooms = last.trim();
        break;
      case '330':
        if (params[2] !== undefined) person.account = params[2];
        break;
      case '317':
        person.idle = Number(params[2]) || 0;
        break;
      case '301':
        person.away = last;
        break;
      case '318':
        this.#person = undefined;
        return person;
    }
    return undefined;
  }
}

/** The most rooms of a server's list that are kept. */
export const LIST_MAX = 10_000;

/** Gathers the lines of LIST until its end (323). */
export class Directory<T> {
  #open: { found: T[]; resolve: (found: T[]) => void } | undefined;

  /** Starts a list; one that was open ends with what it has. */
  ask(): Promise<T[]> {
    this.end();
    return new Promise((resolve) => (this.#open = { found: [], resolve }));
  }

  add(item: T): void {
    if (this.#open && this.#open.found.length < LIST_MAX) this.#open.found.push(item);
  }

  end(): void {
    this.#open?.resolve(this.#open.found);
    this.#open = undefined;
  }
}
