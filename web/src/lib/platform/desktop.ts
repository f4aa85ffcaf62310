import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Transport } from '../transport';
import { TauriTransport } from '../transport/tauri';
import { readSettings, type Notice, type Platform, type Settings } from './platform';

const quietly = (promise: Promise<unknown>): void => void promise.catch(() => undefined);

/** How long the server may take to answer our QUIT before the window closes all the same, in ms. */
export const CLOSING_GRACE = 300;

/** The desktop program: what the browser cannot do, Rust does. */
export class DesktopPlatform implements Platform {
  readonly desktop = true;
  readonly #shown = new Map<string, () => void>();

  constructor() {
    quietly(
      listen<{ tag: string }>('notification-activated', ({ payload }) => {
        this.#shown.get(payload.tag)?.();
      }),
    );
  }

  transport(): Transport {
    return new TauriTransport();
  }

  async loadSettings(): Promise<Settings> {
    try {
      return readSettings(await invoke('load_settings'));
    } catch {
      return {};
    }
  }

  saveSettings(settings: Settings): void {
    quietly(invoke('save_settings', { settings }));
  }

  allowNotifications(): Promise<boolean> {
    return Promise.resolve(true);
  }

  notify({ title, body, tag, onOpen }: Notice): void {
    this.#shown.set(tag, onOpen);
    quietly(invoke('notify', { title, body, tag }));
  }

  dismiss(tag: string): void {
    if (this.#shown.delete(tag)) quietly(invoke('dismiss_notification', { tag }));
  }

  openLink(url: string): boolean {
    quietly(invoke('open_link', { url }));
    return true;
  }

  onClosing(leave: () => void): void {
    quietly(
      listen('window-closing', () => {
        leave();
        setTimeout(() => quietly(invoke('ready_to_close')), CLOSING_GRACE);
      }),
    );
  }
}
