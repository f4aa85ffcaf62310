/** Where to connect. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** The browser's own server: the page's origin decides, whatever `host` says. */
  readonly sameOrigin?: boolean;
  /** A certificate that the person has accepted by hand (desktop only). */
  readonly fingerprint?: string;
}

export type OpenErrorKind = 'refused' | 'dns' | 'timeout' | 'certificate' | 'tls' | 'other';

/** Why a connection could not be opened. Nothing was sent. */
export class OpenError extends Error {
  constructor(
    readonly kind: OpenErrorKind,
    message: string,
    readonly fingerprint?: string,
  ) {
    super(message);
    this.name = 'OpenError';
  }
}

export interface CloseReason {
  readonly kind: 'eof' | 'reset' | 'error';
  readonly message: string;
}

export interface TransportEvents {
  /** One whole line, without its line end. */
  onLine(line: string): void;
  /** Once, after a successful `open`, when the connection has ended by anything but our own `close`. */
  onClose(reason: CloseReason): void;
}

/** One connection at a time that carries lines: a WebSocket in the browser, TCP or TLS on the desktop. */
export interface Transport {
  /** Resolves when lines can be sent; rejects with an `OpenError`. */
  open(target: Target, events: TransportEvents): Promise<void>;
  send(line: string): void;
  /** Ends the connection, or the attempt; no event follows. */
  close(): void;
}
