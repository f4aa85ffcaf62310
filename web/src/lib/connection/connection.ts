import type { Clock } from '../clock';
import { OpenError, type CloseReason, type Target, type Transport } from '../transport';
import { authenticateChunks, base64, ISupport, parse, print, type Message } from '../wire';
import { delayBefore } from './backoff';
import { Capabilities } from './capabilities';
import { Liveness } from './liveness';
import type { ConnectionState, Credentials, LossCause, Refusal, StopReason } from './state';

/** How long opening a connection may take, in ms. */
export const OPEN_TIMEOUT = 10_000;
/** How long signing in may take when nobody is asked anything, in ms. */
export const REGISTER_TIMEOUT = 20_000;
/** How long to wait for the end of the greeting before using the connection anyway, in ms. */
export const GREETING_TIMEOUT = 3000;
/** While coming back: how often to ask again for our own name when it is still taken, in ms. */
export const NAME_RETRY = 3000;
/** How long the server may take to close after our QUIT, in ms. */
export const QUIT_TIMEOUT = 1000;

export interface ConnectionHandlers {
  state(state: ConnectionState): void;
  /** Every line from the welcome (001) on. */
  message(message: Message): void;
  /** The time between a question and its answer, in ms. */
  lag(ms: number): void;
  /** The account's token for this device, to be kept; `undefined` when the one we had is worth nothing any more. */
  device(token: string | undefined): void;
}

export interface ConnectionOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** What this device is called in the account's list of devices, in at most 64 bytes. */
  readonly device: string;
  readonly handlers: ConnectionHandlers;
}

/** Numerics that refuse a name while signing in: invalid, taken, temporarily held. */
const NAME_REFUSED: ReadonlyMap<string, Refusal['code']> = new Map([
  ['431', 'invalid'],
  ['432', 'invalid'],
  ['433', 'taken'],
  ['436', 'taken'],
  ['437', 'taken'],
]);

const SASL_FAILED = new Set(['902', '904', '905', '906']);

/** Codes of `FAIL REGISTER` (draft/account-registration) and the field that they speak of. */
const REGISTER_FAILED: ReadonlyMap<string, Pick<Refusal, 'field' | 'code'>> = new Map([
  ['ACCOUNT_EXISTS', { field: 'name', code: 'account-exists' }],
  ['USERNAME_EXISTS', { field: 'name', code: 'account-exists' }],
  ['BAD_ACCOUNT_NAME', { field: 'name', code: 'invalid' }],
  ['ACCOUNT_NAME_MUST_BE_NICK', { field: 'name', code: 'invalid' }],
  ['WEAK_PASSWORD', { field: 'password', code: 'weak-password' }],
  ['UNACCEPTABLE_PASSWORD', { field: 'password', code: 'weak-password' }],
]);

/**
 * A person's connection to a server, for as long as they want to be there: it signs in, watches, notices when
 * the server is gone, and comes back by itself.
 *
 *     Idle → Connecting → Registering (⇄ Refused) → Online → Waiting → Connecting …
 *     any → Stopped, by our own quit, a ban, or a certificate that does not hold
 */
export class Connection {
  #state: ConnectionState = { kind: 'idle' };
  #target: Target | undefined;
  #credentials: Credentials | undefined;
  #caps = new Capabilities();
  #isupport = new ISupport();
  #nick = '';
  #account: string | undefined;
  #everOnline = false;
  #returning = false;
  #attempt = 0;
  #resumeToken: string | undefined;
  /** A device's token was shown instead of a password, and not answered yet. */
  #resuming = false;
  /** What the server has said of the next refusal of a password: it was too busy to look. */
  #busy: string | undefined;
  #lockedOut = false;
  #registered = false;
  #negotiationDone = false;
  #capEnded = false;
  #welcomed = false;
  #error: string | undefined;
  #timer: (() => void) | undefined;
  #labels = 0;
  readonly #liveness: Liveness;

  constructor(private readonly options: ConnectionOptions) {
    this.#liveness = new Liveness(options.clock, {
      ping: (token) => this.send('PING', [token]),
      dead: () => this.#lost({ kind: 'lost', message: 'ping timeout' }),
      lag: (ms) => options.handlers.lag(ms),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get target(): Target | undefined {
    return this.#target;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  get isupport(): ISupport {
    return this.#isupport;
  }

  /** Our name as the server last said it. */
  get nick(): string {
    return this.#nick;
  }

  /** The account we are signed in to, when we are. */
  get account(): string | undefined {
    return this.#account;
  }

  get resumeToken(): string | undefined {
    return this.#resumeToken;
  }

  /** Whether only the person can open the door again, with a password or as somebody else. */
  get lockedOut(): boolean {
    return this.#lockedOut;
  }

  has(capability: string): boolean {
    return this.#caps.has(capability);
  }

  /**
   * Starts anew: the first attempt to be there. With `returning`, we were there a moment ago, before the page was
   * loaded again: a name that is still taken is then most likely our own, and is asked for until it is free.
   */
  connect(target: Target, credentials: Credentials, returning = false): void {
    this.#drop();
    this.#target = target;
    this.#credentials = credentials;
    this.#nick = credentials.nick;
    this.#account = undefined;
    this.#everOnline = false;
    this.#returning = returning;
    this.#attempt = 0;
    this.#resumeToken = credentials.token;
    this.#lockedOut = false;
    this.#open();
  }

  /** A name that belongs to a session to resume, or to an account, is claimed after that. */
  get #lateNick(): boolean {
    return this.#resumeToken !== undefined || this.#credentials?.account === 'login';
  }

  /** After a refusal: tries another name or password, on the same connection while it is there. */
  answer(credentials: Credentials): void {
    if (this.#state.kind !== 'refused') return;
    const { connected } = this.#state;
    this.#credentials = credentials;
    this.#resumeToken ??= credentials.token;
    this.#nick = credentials.nick;
    if (!connected) {
      this.#open();
      return;
    }
    this.#setState({ kind: 'registering', attempt: this.#attempt });
    this.#watch(REGISTER_TIMEOUT);
    if (!this.#negotiationDone) {
      if (!this.#lateNick) this.send('NICK', [credentials.nick]);
      return;
    }
    if (credentials.account === 'guest') this.send('NICK', [credentials.nick]);
    this.#authenticate();
  }

  /** Tries at once instead of after the pause. */
  retryNow(): void {
    if (this.#state.kind !== 'waiting') return;
    this.#attempt = 0;
    this.#open();
  }

  /** Leaves for good. Resolves when the server has closed, or after a short while. */
  quit(text?: string): void {
    if (this.#state.kind === 'stopped') return;
    const live =
      this.#state.kind === 'online' || this.#state.kind === 'registering' || this.#state.kind === 'refused';
    this.#liveness.stop();
    this.#timer?.();
    if (live) this.send('QUIT', text ? [text] : []);
    this.#resumeToken = undefined;
    this.#lockedOut = false;
    this.#setState({ kind: 'stopped', reason: { kind: 'quit' } });
    if (live) this.#timer = this.options.clock.after(QUIT_TIMEOUT, () => this.options.transport.close());
    else this.options.transport.close();
  }

  /** Gives up an attempt, or a form that was refused: back to the beginning. */
  cancel(): void {
    if (this.#state.kind === 'online') return;
    this.#drop();
    this.#setState({ kind: 'idle' });
  }

  setHidden(hidden: boolean): void {
    this.#liveness.setHidden(hidden);
    if (!hidden) this.retryNow();
  }

  /** Sends one line now, if there is a connection. */
  send(command: string, params: readonly string[] = [], tags?: Readonly<Record<string, string>>): void {
    this.options.transport.send(
      print(command, params, tags && this.#caps.has('message-tags') ? tags : undefined),
    );
  }

  /** Sends a line and returns the label that the answer will carry; undefined when the server knows no labels. */
  sendLabeled(
    command: string,
    params: readonly string[],
    tags: Readonly<Record<string, string>> = {},
  ): string | undefined {
    if (!this.#caps.has('labeled-response')) {
      this.send(command, params, tags);
      return undefined;
    }
    const label = `s${(this.#labels += 1).toString(36)}`;
    this.send(command, params, { label, ...tags });
    return label;
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    this.options.handlers.state(state);
  }

  #watch(ms: number): void {
    this.#timer?.();
    this.#timer = this.options.clock.after(ms, () =>
      this.#lost({ kind: 'unreachable', error: new OpenError('timeout', 'no answer') }),
    );
  }

  #drop(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#liveness.stop();
    this.options.transport.close();
  }

  #open(): void {
    const target = this.#target;
    if (!target) return;
    this.#drop();
    this.#caps = new Capabilities();
    this.#isupport = new ISupport();
    this.#registered = false;
    this.#negotiationDone = false;
    this.#capEnded = false;
    this.#welcomed = false;
    this.#resuming = false;
    this.#busy = undefined;
    this.#error = undefined;
    this.#setState({ kind: 'connecting', attempt: this.#attempt });
    this.#watch(OPEN_TIMEOUT);
    const previous = this.#timer;
    this.options.transport
      .open(target, {
        onLine: (line) => this.#line(line),
        onClose: (reason) => this.#closed(reason),
      })
      .then(
        () => {
          if (this.#state.kind === 'connecting' && this.#timer === previous) this.#opened();
        },
        (error: unknown) => {
          const known = error instanceof OpenError ? error : new OpenError('other', String(error));
          if (this.#state.kind === 'connecting' && this.#timer === previous)
            this.#lost({ kind: 'unreachable', error: known });
        },
      );
  }

  #opened(): void {
    const { nick } = this.#credentials ?? { nick: this.#nick };
    this.#setState({ kind: 'registering', attempt: this.#attempt });
    this.#watch(REGISTER_TIMEOUT);
    this.send('CAP', ['LS', '302']);
    if (!this.#lateNick) this.send('NICK', [nick]);
    this.send('USER', [userName(nick), '0', '*', nick]);
  }

  #line(line: string): void {
    this.#liveness.heard();
    const message = parse(line);
    if (!message) return;
    switch (message.command) {
      case 'PING':
        this.send('PONG', [...message.params]);
        return;
      case 'PONG':
        this.#liveness.pong(message.params[message.params.length - 1] ?? '');
        break;
      case 'ERROR':
        this.#error = message.params[0] ?? '';
        this.#closed({ kind: 'eof', message: this.#error });
        return;
      case 'CAP':
        this.#cap(message.params);
        return;
      case '005':
        this.#isupport.apply(message.params);
        break;
      case '900':
        this.#account = message.params[2];
        if (this.#resuming) this.#signedIn();
        break;
      case '901':
        this.#account = undefined;
        break;
      case 'RESUME':
        if (message.params[0] === 'TOKEN') {
          this.#keep(message.params[1]);
          return;
        }
        break;
      case 'NICK':
        if (message.source && this.#isupport.fold(message.source.nick) === this.#isupport.fold(this.#nick)) {
          this.#nick = message.params[0] ?? this.#nick;
          // The name to come back under is the new one; the account stays what it was.
          const known = this.#credentials;
          if (known) this.#credentials = { ...known, nick: this.#nick, login: known.login ?? known.nick };
        }
        break;
      case 'FAIL':
        if (message.params[0] === 'RESUME' && message.params[1] === 'REVOKED') {
          this.#forget();
          this.#refuse({ field: 'password', code: 'signed-out', nick: this.#nick, reason: '' });
          return;
        }
        break;
      case '465':
        this.#error = message.params[message.params.length - 1] ?? '';
        this.#stop({ kind: 'banned', reason: this.#error });
        return;
    }
    if (this.#welcomed) {
      this.options.handlers.message(message);
      if (message.command === '376' || message.command === '422') this.#online();
      return;
    }
    this.#registering(message);
  }

  #registering(message: Message): void {
    const { command, params } = message;
    const last = params[params.length - 1] ?? '';
    const refused = NAME_REFUSED.get(command);
    if (refused) {
      // The numeric is the same; only the words tell a name that somebody uses from one that an account keeps.
      const code =
        refused === 'taken' && /\b(?:reserved|registered|account)\b/i.test(last) ? 'reserved' : refused;
      this.#refuse({ field: 'name', code, nick: this.#credentials?.nick ?? this.#nick, reason: last });
      return;
    }
    if (SASL_FAILED.has(command) && this.#busy !== undefined) {
      this.#refuse({ field: 'account', code: 'other', nick: this.#nick, reason: this.#busy });
      return;
    }
    if (SASL_FAILED.has(command)) {
      this.#refuse({ field: 'password', code: 'wrong-password', nick: this.#nick, reason: last });
      return;
    }
    switch (command) {
      case '001':
        this.#welcomed = true;
        this.#registered = true;
        this.#nick = params[0] ?? this.#nick;
        this.#timer?.();
        this.#timer = this.options.clock.after(GREETING_TIMEOUT, () => this.#online());
        this.options.handlers.message(message);
        break;
      case '903':
      case '907':
        this.#signedIn();
        break;
      case 'AUTHENTICATE':
        if (params[0] === '+') {
          const { nick, login = nick, password = '' } = this.#credentials ?? { nick: this.#nick };
          for (const chunk of authenticateChunks(base64(`\0${login}\0${password}`)))
            this.send('AUTHENTICATE', [chunk]);
        }
        break;
      case 'REGISTER':
        if (params[0] === 'SUCCESS' || params[0] === 'VERIFICATION_REQUIRED') {
          if (this.#credentials) this.#credentials = { ...this.#credentials, account: 'login' };
          this.#account ??= params[1];
          this.#signedIn();
        }
        break;
      case 'FAIL':
        if (params[0] === 'REGISTER') {
          const known = REGISTER_FAILED.get(params[1] ?? '') ?? { field: 'account', code: 'other' };
          this.#refuse({ ...known, nick: this.#nick, reason: last });
        } else if (params[0] === 'AUTHENTICATE') {
          this.#busy = last;
        } else if (params[0] === 'RESUME') {
          const resuming = this.#resuming;
          this.#resuming = false;
          this.#forget();
          if (resuming) this.#authenticate();
        }
        break;
    }
  }

  #cap(params: readonly string[]): void {
    const verb = params[1]?.toUpperCase();
    const list = params[params.length - 1] ?? '';
    switch (verb) {
      case 'LS':
        if (this.#caps.list(params) && !this.#registered) {
          const requests = this.#caps.requests();
          if (requests.length === 0) this.#negotiated();
          for (const request of requests) this.send('CAP', ['REQ', request]);
        }
        break;
      case 'ACK':
      case 'NAK':
        if (this.#caps.answered(verb, list) && !this.#registered && !this.#capEnded) this.#negotiated();
        break;
      case 'NEW':
        for (const request of this.#caps.added(list)) this.send('CAP', ['REQ', request]);
        break;
      case 'DEL':
        this.#caps.removed(list);
        break;
    }
  }

  #negotiated(): void {
    this.#negotiationDone = true;
    const token = this.#resumeToken;
    const account = this.#credentials?.account ?? 'guest';
    const known = this.#caps.has('salotto.chat/resume');
    if (known && token !== undefined) this.send('RESUME', [token]);
    else if (known && account !== 'guest') this.send('RESUME', ['AS', this.options.device]);
    if (token !== undefined && account !== 'login')
      this.send('NICK', [this.#credentials?.nick ?? this.#nick]);
    this.#resuming = known && token !== undefined && account === 'login';
    // A name may have been refused meanwhile; then the person's answer goes on from here.
    if (this.#state.kind === 'registering' && !this.#resuming) this.#authenticate();
  }

  /** The account is ours: its name can be claimed. */
  #signedIn(): void {
    this.#resuming = false;
    this.send('NICK', [this.#credentials?.nick ?? this.#nick]);
    this.#capEnd();
  }

  /** Takes a token, and gives up the password for it. Of an account's, the part before the dot is the device's. */
  #keep(token: string | undefined): void {
    this.#resumeToken = token;
    const known = this.#credentials;
    if (token === undefined || this.#account === undefined || !known) return;
    const device = token.split('.')[0];
    const { password: _, ...rest } = known;
    this.#credentials = { ...rest, account: 'login', login: known.login ?? known.nick, token: device };
    this.options.handlers.device(device);
  }

  /** The token is worth nothing any more. */
  #forget(): void {
    this.#resumeToken = undefined;
    const known = this.#credentials;
    if (known?.token === undefined) return;
    const { token: _, ...rest } = known;
    this.#credentials = rest;
    this.options.handlers.device(undefined);
  }

  #authenticate(): void {
    const credentials = this.#credentials;
    switch (credentials?.account) {
      case 'login':
        this.#busy = undefined;
        if (credentials.password === undefined) {
          this.#refuse({ field: 'password', code: 'signed-out', nick: credentials.nick, reason: '' });
        } else if (this.#caps.has('sasl')) this.send('AUTHENTICATE', ['PLAIN']);
        else this.#refuse({ field: 'account', code: 'unsupported', nick: credentials.nick, reason: '' });
        break;
      case 'register':
        if (this.#caps.offers('draft/account-registration')) {
          const name = this.#caps.offers('draft/account-registration', 'custom-account-name')
            ? credentials.nick
            : '*';
          this.send('REGISTER', [name, '*', credentials.password ?? '']);
        } else this.#refuse({ field: 'account', code: 'unsupported', nick: credentials.nick, reason: '' });
        break;
      default:
        this.#capEnd();
    }
  }

  #capEnd(): void {
    if (this.#capEnded) return;
    this.#capEnded = true;
    this.send('CAP', ['END']);
  }

  #refuse(refusal: Refusal): void {
    if (this.#state.kind === 'refused') return;
    this.#liveness.stop();
    this.#timer?.();
    this.#timer = undefined;
    this.#lockedOut ||= refusal.field !== 'name';
    this.#setState({ kind: 'refused', refusal, connected: true });
    // Coming back to a name that our own broken session may still hold: ask for it again until it is free.
    if ((this.#everOnline || this.#returning) && refusal.code === 'taken') {
      this.#timer = this.options.clock.after(NAME_RETRY, () => {
        if (this.#credentials) this.answer(this.#credentials);
      });
    }
  }

  #online(): void {
    if (this.#state.kind === 'online' || !this.#welcomed) return;
    this.#timer?.();
    this.#timer = undefined;
    this.#attempt = 0;
    this.#everOnline = true;
    this.#lockedOut = false;
    this.#returning = false;
    this.#liveness.start();
    this.#setState({ kind: 'online' });
  }

  #closed(reason: CloseReason): void {
    if (this.#state.kind === 'stopped') {
      this.#drop();
      return;
    }
    if (this.#state.kind === 'refused' && (!this.#everOnline || this.#lockedOut)) {
      // The form stays as it is; the next attempt opens a new connection.
      const { refusal } = this.#state;
      this.#drop();
      this.#setState({ kind: 'refused', refusal, connected: false });
      return;
    }
    const error = this.#error;
    if (error === undefined) {
      this.#lost({ kind: 'lost', message: reason.message || reason.kind });
      return;
    }
    if (/\b(?:kill(?:ed)?|banned|k-?lined?|g-?lined?)\b/i.test(error)) {
      this.#stop({ kind: 'banned', reason: error });
      return;
    }
    this.#lost({ kind: 'server-closed', reason: closingReason(error) });
  }

  #stop(reason: StopReason): void {
    this.#drop();
    this.#setState({ kind: 'stopped', reason });
  }

  #lost(cause: LossCause): void {
    this.#drop();
    if (cause.kind === 'unreachable' && (cause.error.kind === 'certificate' || cause.error.kind === 'tls')) {
      this.#setState({ kind: 'stopped', reason: { kind: 'untrusted', error: cause.error } });
      return;
    }
    const { clock, random } = this.options;
    const delay = delayBefore(this.#attempt, random());
    this.#attempt += 1;
    this.#timer = clock.after(delay, () => this.#open());
    this.#setState({ kind: 'waiting', attempt: this.#attempt, retryAt: clock.now() + delay, cause });
  }
}

/** The user part of our source: servers want plain ASCII there. */
function userName(nick: string): string {
  return nick.replace(/[^A-Za-z0-9_-]/g, '').slice(0, 10) || 'user';
}

/** What is left of an ERROR's text when the fixed words before the reason are taken away. */
function closingReason(text: string): string {
  return text
    .replace(/^The server has closed(?: the connection)?:?\s*/i, '')
    .replace(/^Closing (?:link|connection):?\s*/i, '');
}
