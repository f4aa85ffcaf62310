/** The address part that names a room: `#/lobby` for #lobby, `#/@anna` for the talk with anna. */
export function roomPath(name: string): string {
  return name.startsWith('#') ? `#/${encodeURIComponent(name.slice(1))}` : `#/@${encodeURIComponent(name)}`;
}

/** The room that an address names. */
export function roomOfPath(hash: string): string | undefined {
  const part = /^#\/([^/?]+)$/.exec(hash)?.[1];
  if (part === undefined) return undefined;
  try {
    return part.startsWith('@') ? decodeURIComponent(part.slice(1)) : `#${decodeURIComponent(part)}`;
  } catch {
    return undefined;
  }
}

interface State {
  readonly members?: boolean;
}

/** Which room the address names, and whether a narrow window shows the members: Back and Forward work. */
export class Router {
  #room = $state<string | undefined>(undefined);
  #members = $state(false);

  constructor() {
    this.#read();
    window.addEventListener('popstate', () => this.#read());
    window.addEventListener('hashchange', () => this.#read());
  }

  #read(): void {
    this.#room = roomOfPath(location.hash);
    const state = history.state as State | null;
    this.#members = state?.members === true && this.#room !== undefined;
  }

  get room(): string | undefined {
    return this.#room;
  }

  get members(): boolean {
    return this.#members;
  }

  /** Goes to a room, or to the list of rooms; `replace` leaves no entry to go back to. */
  go(room: string | undefined, replace = false): void {
    const path = room === undefined ? '#/' : roomPath(room);
    if (room === this.#room && !this.#members) return;
    if (replace) history.replaceState({}, '', path);
    else history.pushState({}, '', path);
    this.#read();
  }

  showMembers(): void {
    if (this.#members) return;
    history.pushState({ members: true } satisfies State, '', location.hash);
    this.#read();
  }

  /** As the person's Back does. */
  back(): void {
    if (this.#members) history.back();
    else this.go(undefined);
  }
}
