import { OpenError, type Target, type Transport, type TransportEvents } from './transport';

/** The address of a server's WebSocket. `page` is the page's own address. */
export function webSocketUrl(target: Target, page: { protocol: string; host: string }): string {
  if (target.sameOrigin) return `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.host}/ws`;
  const host = target.host.includes(':') && !target.host.startsWith('[') ? `[${target.host}]` : target.host;
  return `${target.tls ? 'wss' : 'ws'}://${host}:${target.port}/ws`;
}

/** Lines over a WebSocket: https://ircv3.net/specs/extensions/websocket (text frames, one line each). */
export class WebSocketTransport implements Transport {
  #socket: WebSocket | undefined;
  #abort: (() => void) | undefined;

  open(target: Target, events: TransportEvents): Promise<void> {
    this.close();
    return new Promise((resolve, reject) => {
      let socket: WebSocket;
      try {
        socket = new WebSocket(webSocketUrl(target, window.location), 'text.ircv3.net');
      } catch (error) {
        reject(new OpenError('other', error instanceof Error ? error.message : String(error)));
        return;
      }
      this.#socket = socket;
      this.#abort = () => reject(new OpenError('other', 'closed'));
      let opened = false;
      socket.onopen = () => {
        opened = true;
        this.#abort = undefined;
        resolve();
      };
      socket.onmessage = (event: MessageEvent<unknown>) => {
        if (typeof event.data === 'string')
          for (const line of event.data.split(/\r?\n/)) if (line) events.onLine(line);
      };
      socket.onclose = (event) => {
        if (this.#socket === socket) this.#socket = undefined;
        // A browser does not say why a WebSocket could not be opened; out of reach is by far the likeliest.
        if (!opened) reject(new OpenError('refused', event.reason));
        else events.onClose({ kind: event.wasClean ? 'eof' : 'reset', message: event.reason });
      };
    });
  }

  send(line: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(line);
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    this.#abort?.();
    this.#abort = undefined;
  }
}
