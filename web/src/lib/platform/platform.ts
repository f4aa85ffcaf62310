import type { NoticeLevel } from '../timeline';
import type { Transport } from '../transport';

export type Theme = 'system' | 'light' | 'dark';

/** What a person has chosen, kept from one run to the next. Absent values have their defaults. */
export interface Settings {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: boolean;
  readonly name?: string;
  readonly language?: string;
  readonly theme?: Theme;
  readonly notifications?: boolean;
  readonly typing?: boolean;
  readonly notices?: NoticeLevel;
  readonly members?: boolean;
}

export interface Notice {
  readonly title: string;
  readonly body: string;
  /** The next notification with this tag replaces this one. */
  readonly tag: string;
  /** Called when the person follows it, where the system tells us. */
  readonly onOpen: () => void;
}

/** Where the UI runs: a browser or the desktop program. Everything that differs is here. */
export interface Platform {
  readonly desktop: boolean;
  transport(): Transport;
  loadSettings(): Promise<Settings>;
  saveSettings(settings: Settings): void;
  /** Asks the person once; `false` when notifications cannot be shown. */
  allowNotifications(): Promise<boolean>;
  notify(notice: Notice): void;
  /** Takes a shown notification away: it was read. */
  dismiss(tag: string): void;
  /** Opens a link outside, when the platform must be asked; `false` leaves it to the browser. */
  openLink(url: string): boolean;
  /** Calls `leave` before the window goes; the window waits a little for it. */
  onClosing(leave: () => void): void;
}

/** Settings as read from a file or a store that anybody may have edited. */
export function readSettings(value: unknown): Settings {
  if (typeof value !== 'object' || value === null) return {};
  const raw = value as Readonly<Record<string, unknown>>;
  const text = (key: string): string | undefined => (typeof raw[key] === 'string' ? raw[key] : undefined);
  const flag = (key: string): boolean | undefined => (typeof raw[key] === 'boolean' ? raw[key] : undefined);
  const port = raw['port'];
  const theme = text('theme');
  const notices = text('notices');
  const settings: Settings = {
    host: text('host'),
    port: typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined,
    tls: flag('tls'),
    name: text('name'),
    language: text('language'),
    theme: theme === 'light' || theme === 'dark' || theme === 'system' ? theme : undefined,
    notifications: flag('notifications'),
    typing: flag('typing'),
    notices: notices === 'all' || notices === 'condensed' || notices === 'none' ? notices : undefined,
    members: flag('members'),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, each]) => each !== undefined));
}
