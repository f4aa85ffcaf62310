import { Channel, invoke } from '@tauri-apps/api/core';
import {
  OpenError,
  type OpenErrorKind,
  type Target,
  type Transport,
  type TransportEvents,
} from './transport';

/** What the desktop program sends through the channel of `open_connection`. */
type DesktopEvent =
  { type: 'line'; line: string } | { type: 'closed'; reason: 'eof' | 'reset' | 'error'; message: string };

const KINDS: readonly string[] = ['refused', 'dns', 'timeout', 'certificate', 'tls', 'other'];

function openError(error: unknown): OpenError {
  if (typeof error === 'object' && error !== null && 'kind' in error && 'message' in error) {
    const { kind, message } = error;
    const fingerprint =
      'fingerprint' in error && typeof error.fingerprint === 'string' ? error.fingerprint : undefined;
    if (typeof kind === 'string' && KINDS.includes(kind))
      return new OpenError(kind as OpenErrorKind, String(message), fingerprint);
  }
  return new OpenError('other', String(error));
}

/** Lines over TCP or TLS, which the desktop program opens for us. */
export class TauriTransport implements Transport {
  #id: number | undefined;
  /** Grows with every open and close, so that a late answer of an abandoned attempt is recognised. */
  #epoch = 0;
  #abort: (() => void) | undefined;

  async open(target: Target, events: TransportEvents): Promise<void> {
    this.close();
    const epoch = ++this.#epoch;
    const channel = new Channel<DesktopEvent>();
    let early: DesktopEvent[] | undefined = [];
    const handle = (event: DesktopEvent): void => {
      if (epoch !== this.#epoch) return;
      if (event.type === 'line') events.onLine(event.line);
      else {
        this.#id = undefined;
        this.#epoch += 1;
        events.onClose({ kind: event.reason, message: event.message });
      }
    };
    channel.onmessage = (event) => {
      if (early) early.push(event);
      else handle(event);
    };
    const aborted = new Promise<never>((_, reject) => {
      this.#abort = () => reject(new OpenError('other', 'closed'));
    });
    const opening = invoke<number>('open_connection', {
      host: target.host,
      port: target.port,
      tls: target.tls,
      ...(target.fingerprint === undefined ? {} : { fingerprint: target.fingerprint }),
      onEvent: channel,
    }).then(
      (id) => {
        if (epoch !== this.#epoch) void invoke('close_connection', { id }).catch(() => undefined);
        return id;
      },
      (error: unknown) => {
        throw openError(error);
      },
    );
    this.#id = await Promise.race([opening, aborted]);
    this.#abort = undefined;
    // Lines may come before the answer of `open_connection`; they are handed on after the caller knows it is open.
    const waiting = early;
    early = undefined;
    queueMicrotask(() => waiting.forEach(handle));
  }

  send(line: string): void {
    const id = this.#id;
    // A send that fails is followed by a `closed` event, which is where it is dealt with.
    if (id !== undefined) void invoke('send_line', { id, line }).catch(() => undefined);
  }

  close(): void {
    this.#epoch += 1;
    const id = this.#id;
    this.#id = undefined;
    this.#abort?.();
    this.#abort = undefined;
    if (id !== undefined) void invoke('close_connection', { id }).catch(() => undefined);
  }
}
