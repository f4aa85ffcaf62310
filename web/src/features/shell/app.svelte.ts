import { Chat, type ChatEvent, type Memory, type Room } from '$lib/chat';
import { systemClock } from '$lib/clock';
import type { Credentials } from '$lib/connection';
import type { OutboxStore } from '$lib/outbox';
import type { Platform, Settings } from '$lib/platform';
import { plainText } from '$lib/text';
import type { Target } from '$lib/transport';
import { track } from '$features/shared/track.svelte';
import { createContext } from 'svelte';
import { Announcer } from './announcer.svelte';
import { deviceName } from './device-name';
import { refusalText } from './notes';
import { Preferences } from './preferences.svelte';
import { Router } from './router.svelte';
import { Visits } from './visits';

export const [useApp, provideApp] = createContext<App>();

/** The overlay that is open, if any. */
export type Overlay = 'switcher' | 'join' | 'browse' | 'shortcuts' | 'quit' | 'sign-out' | 'name' | 'devices';

/** A person's session, kept over a reload of the page. */
interface Session {
  readonly target: Target;
  readonly nick: string;
  /** The account, where there is one: this device is signed in to it. */
  readonly login?: string;
  readonly rooms: readonly string[];
}

/** How long “Back online” stays, in ms. */
const BACK_ONLINE = 5000;

export interface AppParts {
  readonly platform: Platform;
  readonly settings: Settings;
  readonly memory: Memory;
  readonly session: Memory;
  readonly outbox: OutboxStore;
}

/** The whole of what is on the screen, above the chat itself. */
export class App {
  readonly preferences: Preferences;
  readonly router = new Router();
  readonly announcer: Announcer;
  readonly chat: Chat;
  readonly platform: Platform;
  readonly memory: Memory;
  readonly visits: Visits;
  readonly #session: Memory;
  #overlay = $state<Overlay>();
  #backOnline = $state<number>();
  #landed = false;
  #focusComposer = $state(0);
  #latest = $state(0);
  #insert = $state.raw<{ text: string }>();

  constructor({ platform, settings, memory, session, outbox }: AppParts) {
    this.platform = platform;
    this.memory = memory;
    this.#session = session;
    this.preferences = new Preferences(platform, settings);
    this.announcer = new Announcer(() => this.preferences.t);
    this.visits = new Visits(memory);
    this.chat = new Chat({
      transport: platform.transport(),
      clock: systemClock,
      memory,
      outbox,
      random: Math.random,
      device: deviceName(platform.desktop, navigator.userAgent),
      uuid: () => uuid(),
      onEvent: (event) => this.#onEvent(event),
    });
    this.chat.setNotifications(this.preferences.notifications);
    this.#watchWorld();
    platform.onClosing(() => {
      this.#keepSession();
      this.chat.quit();
    });
    this.#follow();
    this.#resume();
  }

  get t(): Preferences['t'] {
    return this.preferences.t;
  }

  /** The chat, to be read reactively. */
  get live(): Chat {
    return track(this.chat);
  }

  get room(): Room | undefined {
    return track(this.chat).active;
  }

  get overlay(): Overlay | undefined {
    return this.#overlay;
  }

  show(overlay: Overlay | undefined): void {
    this.#overlay = overlay;
  }

  /** New messages fetched after coming back; undefined when that is not news any more. */
  get backOnline(): number | undefined {
    return this.#backOnline;
  }

  /** Grows when the composer should take the focus. */
  get composerFocus(): number {
    return this.#focusComposer;
  }

  focusComposer(): void {
    this.#focusComposer += 1;
  }

  /** Grows when the timeline should go to its newest row. */
  get latest(): number {
    return this.#latest;
  }

  goToLatest(): void {
    this.#latest += 1;
  }

  /** A text that something other than the keyboard puts into the composer. */
  get insertion(): { text: string } | undefined {
    return this.#insert;
  }

  insert(text: string): void {
    this.#insert = { text };
    this.focusComposer();
  }

  // --- verbs ---------------------------------------------------------------------------------------------------

  connect(target: Target, credentials: Credentials): void {
    this.#landed = false;
    const { host, port, tls } = target;
    this.preferences.update({ name: credentials.nick, ...(target.sameOrigin ? {} : { host, port, tls }) });
    const asked = this.router.room;
    this.chat.connect(target, credentials, asked?.startsWith('#') ? [asked] : []);
  }

  /** Leaves the server, after asking when something would be lost. */
  disconnect(text?: string, sure = false): void {
    if (!sure && this.chat.unsent().length > 0) {
      this.show('quit');
      return;
    }
    this.show(undefined);
    this.#session.set('session', '');
    this.chat.quit(text);
  }

  /** Leaves the server and the account: this device needs the password again. */
  signOut(sure = false): void {
    if (!sure && this.chat.unsent().length > 0) {
      this.show('sign-out');
      return;
    }
    this.show(undefined);
    this.#session.set('session', '');
    void this.chat.devices.signOut();
  }

  openRoom(room: Room, replace = false): void {
    this.visits.add(room.name.toLowerCase(), Date.now());
    this.router.go(room.name, replace);
    this.chat.open(room);
    this.platform.dismiss(room.name);
    const { count, mentions } = room.unread;
    this.announcer.say(this.t.roomAnnounced({ room: room.name, unread: count, mentions }));
    this.focusComposer();
  }

  /** Goes to a room by name, joining it first when we are not in it. */
  visit(name: string): void {
    const known = this.chat.find(name);
    if (known && (known.joined || known.kind === 'direct')) this.openRoom(known);
    else if (this.chat.support.isChannel(name)) this.chat.join(name);
    else this.openRoom(this.chat.direct(name));
  }

  async setNotifications(enabled: boolean): Promise<boolean> {
    const allowed = enabled && (await this.platform.allowNotifications());
    this.preferences.update({ notifications: allowed });
    this.chat.setNotifications(allowed);
    return allowed === enabled;
  }

  /** A line that only this person sees, in the room they look at. */
  note(text: string, tone: 'info' | 'error' | 'server' = 'info'): void {
    const room = this.chat.active ?? this.chat.rooms[0];
    if (room) this.chat.note(room, text, tone);
    if (tone === 'error') this.announcer.say(text);
  }

  // --- the world -----------------------------------------------------------------------------------------------

  #watchWorld(): void {
    const focus = (): void => {
      this.chat.setFocus(document.visibilityState === 'visible' && document.hasFocus());
    };
    window.addEventListener('focus', focus);
    window.addEventListener('blur', focus);
    document.addEventListener('visibilitychange', () => {
      focus();
      this.chat.connection.setHidden(document.visibilityState === 'hidden');
    });
    window.addEventListener('online', () => this.chat.connection.retryNow());
    focus();
  }

  /** The address decides which room is shown, once we are in it; the title says what waits. */
  #follow(): void {
    $effect.root(() => {
      $effect(() => {
        const chat = this.live;
        const wanted = this.router.room;
        const room = wanted === undefined ? undefined : chat.find(wanted);
        if (room && room !== this.chat.active) this.openRoom(room, true);
        else if (!room && wanted !== undefined && chat.active && this.#landed && !chat.find(wanted))
          this.router.go(chat.active.name, true);
      });
      $effect(() => {
        const chat = this.live;
        const badge = chat.badge();
        const where = chat.signedIn && chat.active ? chat.active.name : 'Salotto';
        document.title = badge > 0 ? `(${badge}) ${where}` : where;
      });
    });
  }

  #keepSession(): void {
    const { target, account, credentials } = this.chat.connection;
    if (!target || !this.chat.signedIn || this.chat.state.kind === 'stopped') return;
    const login = account === undefined ? undefined : (credentials?.login ?? credentials?.nick);
    // Without a token an account needs its password, and that is kept nowhere.
    if (account !== undefined && credentials?.token === undefined) return;
    const rooms = this.chat.rooms.filter((room) => room.kind === 'room').map((room) => room.name);
    this.#session.set(
      'session',
      JSON.stringify({ target, nick: this.chat.nick, login, rooms } satisfies Session),
    );
  }

  /** After a reload, a guest is back without a form, and so is whoever is signed in on this device. */
  #resume(): void {
    if (this.platform.desktop) return;
    try {
      const session = JSON.parse(this.#session.get('session') ?? 'null') as Session | null;
      if (!session) return;
      const { target, nick, login, rooms } = session;
      const credentials: Credentials =
        login === undefined ? { nick, account: 'guest' } : { nick, account: 'login', login };
      this.chat.connect(target, credentials, rooms, true);
    } catch {
      this.#session.set('session', '');
    }
  }

  #onEvent(event: ChatEvent): void {
    const { t } = this;
    switch (event.kind) {
      case 'welcome':
        this.chat.note(event.room, t.welcome({ name: event.nick }));
        this.announcer.say(t.connected);
        break;
      case 'joined':
        this.#arrived(event.room, event.asked);
        break;
      case 'message': {
        const { room, entry } = event;
        const looking = this.chat.focused && room === this.chat.active;
        if (looking) this.announcer.message(entry.nick, plainText(entry.text));
        if (event.attention === 'toast')
          this.platform.notify({
            title: room.kind === 'direct' ? entry.nick : `${entry.nick} · ${room.name}`,
            body: plainText(entry.text),
            tag: room.name,
            onOpen: () => this.openRoom(room),
          });
        break;
      }
      case 'back-online':
        this.#backOnline = event.messages;
        this.announcer.say(event.messages > 0 ? t.backOnline({ n: event.messages }) : t.backOnlineNothing);
        setTimeout(() => (this.#backOnline = undefined), BACK_ONLINE);
        break;
      case 'server-notice':
        this.note(event.text, 'server');
        break;
      case 'whois':
        this.note(
          t.whois({
            nick: event.person.nick,
            account: event.person.account,
            rooms: event.person.rooms,
            away: event.person.away,
          }),
        );
        break;
      case 'invited':
        this.note(t.invited({ name: event.by, room: event.room }));
        break;
      case 'removed':
        this.chat.note(event.room, t.removed({ name: event.by, room: event.room.name }), 'error');
        break;
      case 'away':
        this.note(event.away ? t.nowAway : t.nowBack);
        break;
      case 'refused':
        this.note(refusalText(t, event), 'error');
        break;
    }
  }

  #arrived(room: Room, asked: boolean): void {
    const wanted = this.router.room;
    const isWanted = wanted !== undefined && this.chat.find(wanted) === room;
    if (asked || isWanted) {
      this.openRoom(room, !this.#landed);
      this.#landed = true;
      return;
    }
    if (this.#landed || this.chat.active) return;
    this.#landed = true;
    // On a narrow window Back leads from the first room to the list.
    if (wanted === undefined) this.router.go(undefined, true);
    this.openRoom(room, wanted !== undefined);
  }
}

/** A random identifier. `crypto.randomUUID` exists on secure pages only. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
