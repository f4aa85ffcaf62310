import { WebSocketTransport, type Transport } from '../transport';
import { readSettings, type Notice, type Platform, type Settings } from './platform';

const KEY = 'salotto.settings';

export class BrowserPlatform implements Platform {
  readonly desktop = false;
  readonly #shown = new Map<string, Notification>();

  transport(): Transport {
    return new WebSocketTransport();
  }

  loadSettings(): Promise<Settings> {
    try {
      return Promise.resolve(readSettings(JSON.parse(localStorage.getItem(KEY) ?? '{}')));
    } catch {
      return Promise.resolve({});
    }
  }

  saveSettings(settings: Settings): void {
    try {
      localStorage.setItem(KEY, JSON.stringify(settings));
    } catch {
      // A browser that keeps nothing: the settings last as long as the page.
    }
  }

  async allowNotifications(): Promise<boolean> {
    if (!('Notification' in window)) return false;
    return (await Notification.requestPermission()) === 'granted';
  }

  notify(notice: Notice): void {
    if (!('Notification' in window) || Notification.permission !== 'granted') return;
    try {
      const shown = new Notification(notice.title, { body: notice.body, tag: notice.tag });
      shown.onclick = () => {
        window.focus();
        shown.close();
        notice.onOpen();
      };
      shown.onclose = () => this.#shown.delete(notice.tag);
      this.#shown.set(notice.tag, shown);
    } catch {
      // Some mobile browsers have the interface and refuse its constructor.
    }
  }

  dismiss(tag: string): void {
    this.#shown.get(tag)?.close();
    this.#shown.delete(tag);
  }

  openLink(): boolean {
    return false;
  }

  onClosing(leave: () => void): void {
    window.addEventListener('pagehide', leave);
  }
}
