import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../clock';
import { OpenError, type CloseReason, type Target, type Transport, type TransportEvents } from '../transport';
import type { Message } from '../wire';
import { delayBefore } from './backoff';
import { Connection, NAME_RETRY, OPEN_TIMEOUT, REGISTER_TIMEOUT } from './connection';
import type { ConnectionState, Credentials } from './state';

/** A transport whose other end is the test. */
class Wire implements Transport {
  sent: string[] = [];
  opens = 0;
  closed = 0;
  #events: TransportEvents | undefined;
  #settle: { resolve: () => void; reject: (error: OpenError) => void } | undefined;

  open(_: Target, events: TransportEvents): Promise<void> {
    this.opens += 1;
    this.#events = events;
    return new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
  }

  send(line: string): void {
    this.sent.push(line);
  }

  close(): void {
    this.closed += 1;
    this.#events = undefined;
  }

  async accept(): Promise<void> {
    this.#settle?.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }

  async refuse(error: OpenError): Promise<void> {
    this.#settle?.reject(error);
    await Promise.resolve();
    await Promise.resolve();
  }

  in(...lines: string[]): void {
    for (const line of lines) this.#events?.onLine(line);
  }

  break(reason: CloseReason): void {
    this.#events?.onClose(reason);
  }

  take(): string[] {
    const taken = this.sent;
    this.sent = [];
    return taken;
  }
}

const target: Target = { host: 'chat.example', port: 6697, tls: true };
const guest: Credentials = { nick: 'anna', account: 'guest' };
const LS =
  'CAP * LS :message-tags server-time sasl=PLAIN labeled-response draft/account-registration=before-connect,custom-account-name salotto.chat/resume';
const ACK =
  'CAP anna ACK :message-tags server-time labeled-response sasl draft/account-registration salotto.chat/resume';

let wire: Wire;
let clock: ManualClock;
let states: ConnectionState[];
let messages: Message[];
let connection: Connection;
let kept: (string | undefined)[];

beforeEach(() => {
  wire = new Wire();
  clock = new ManualClock(1_000_000);
  states = [];
  messages = [];
  kept = [];
  connection = new Connection({
    transport: wire,
    clock,
    random: () => 0.5,
    device: 'a test',
    handlers: {
      state: (state) => states.push(state),
      message: (message) => messages.push(message),
      lag: () => undefined,
      device: (token) => kept.push(token),
    },
  });
});

async function online(credentials = guest): Promise<void> {
  connection.connect(target, credentials);
  await wire.accept();
  wire.in(LS, ACK, `:s 001 ${credentials.nick} :Welcome`, ':s 422 anna :No MOTD', 'RESUME TOKEN tok');
  expect(connection.state.kind).toBe('online');
  wire.take();
}

describe('signing in', () => {
  it('negotiates, then is online after the greeting', async () => {
    connection.connect(target, guest);
    expect(connection.state).toEqual({ kind: 'connecting', attempt: 0 });
    await wire.accept();
    expect(wire.take()).toEqual(['CAP LS 302', 'NICK anna', 'USER anna 0 * anna']);
    wire.in(LS);
    expect(wire.take()[0]).toMatch(/^CAP REQ :message-tags /);
    wire.in(ACK);
    expect(wire.take()).toEqual(['CAP END']);
    wire.in(':s 001 anna :Welcome', ':s 005 anna NETWORK=Casa :are supported');
    expect(connection.state.kind).toBe('registering');
    wire.in(':s 376 anna :End');
    expect(connection.state.kind).toBe('online');
    expect(connection.isupport.network).toBe('Casa');
  });

  it('asks again for a name that is taken, on the same connection', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.in(':s 433 * anna :Nickname is already in use', LS, ACK);
    expect(connection.state).toMatchObject({
      kind: 'refused',
      connected: true,
      refusal: { field: 'name', code: 'taken', nick: 'anna' },
    });
    // Nobody is waiting on a clock: a person may think as long as they like.
    clock.advance(60_000);
    expect(connection.state.kind).toBe('refused');
    wire.take();
    connection.answer({ nick: 'anna_', account: 'guest' });
    expect(wire.take()).toEqual(['NICK anna_', 'CAP END']);
    wire.in(':s 001 anna_ :Welcome', ':s 422 anna_ :No MOTD');
    expect(connection.state.kind).toBe('online');
    expect(connection.nick).toBe('anna_');
    expect(wire.opens).toBe(1);
  });

  it('goes on after a name that was refused at the very end', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.in(LS, ACK, ':s 432 * anna :Names cannot look like others');
    expect(connection.state).toMatchObject({
      kind: 'refused',
      refusal: { code: 'invalid', reason: 'Names cannot look like others' },
    });
    wire.take();
    connection.answer({ nick: 'bea', account: 'guest' });
    expect(wire.take()).toEqual(['NICK bea']);
  });

  it('answers a quick correction only after negotiation is done', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.in(':s 433 * anna :taken');
    connection.answer({ nick: 'bea', account: 'guest' });
    wire.take();
    wire.in(LS, ACK);
    expect(wire.take().at(-1)).toBe('CAP END');
  });

  it('signs in to an account, and asks again for a wrong password', async () => {
    connection.connect(target, { nick: 'anna', account: 'login', password: 'no' });
    await wire.accept();
    wire.in(LS, ACK);
    expect(wire.take().at(-1)).toBe('AUTHENTICATE PLAIN');
    wire.in('AUTHENTICATE +');
    expect(wire.take()).toEqual([`AUTHENTICATE ${btoa('\0anna\0no')}`]);
    wire.in(':s 904 anna :Wrong');
    expect(connection.state).toMatchObject({
      kind: 'refused',
      refusal: { field: 'password', code: 'wrong-password' },
    });
    connection.answer({ nick: 'anna', account: 'login', password: 'yes' });
    expect(wire.take()).toEqual(['AUTHENTICATE PLAIN']);
    wire.in('AUTHENTICATE +', ':s 900 anna anna!u@h anna :Logged in', ':s 903 anna :ok');
    // An account's name is claimed once we are known to own it.
    expect(wire.take().slice(-2)).toEqual(['NICK anna', 'CAP END']);
    expect(connection.account).toBe('anna');
  });

  it('lets the owner of a name in who came as a guest first', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.in(LS, ACK, ':s 433 * anna :Nickname is reserved by a registered account; sign in to use it');
    expect(connection.state).toMatchObject({ refusal: { field: 'name', code: 'reserved' } });
    wire.take();
    connection.answer({ nick: 'anna', account: 'login', password: 'yes' });
    expect(wire.take()).toEqual(['AUTHENTICATE PLAIN']);
    wire.in('AUTHENTICATE +', ':s 903 anna :ok');
    expect(wire.take().at(-1)).toBe('NICK anna');
  });

  it('creates an account, and from then on signs in to it', async () => {
    connection.connect(target, { nick: 'anna', account: 'register', password: 'short' });
    await wire.accept();
    wire.in(LS, ACK);
    expect(wire.take().at(-1)).toBe('REGISTER anna * short');
    wire.in(':s FAIL REGISTER WEAK_PASSWORD anna :At least 8 characters');
    expect(connection.state).toMatchObject({
      refusal: { field: 'password', code: 'weak-password', reason: 'At least 8 characters' },
    });
    connection.answer({ nick: 'anna', account: 'register', password: 'long enough' });
    expect(wire.take().at(-1)).toBe('REGISTER anna * :long enough');
    wire.in(':s REGISTER SUCCESS anna :Welcome');
    expect(wire.take()).toEqual(['NICK anna', 'CAP END']);
    expect(connection.credentials?.account).toBe('login');
  });

  it('says that a server has no accounts instead of going in as a guest', async () => {
    connection.connect(target, { nick: 'anna', account: 'login', password: 'x' });
    await wire.accept();
    wire.in('CAP * LS :message-tags', 'CAP * ACK :message-tags');
    expect(connection.state).toMatchObject({ kind: 'refused', refusal: { code: 'unsupported' } });
    expect(wire.sent).not.toContain('CAP END');
  });

  it('works with a server that knows no capabilities at all', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.in(':s 421 anna CAP :Unknown command', ':s 001 anna :Hi', ':s 422 anna :no');
    expect(connection.state.kind).toBe('online');
  });

  it('gives up a server that accepts and says nothing', async () => {
    connection.connect(target, guest);
    await wire.accept();
    clock.advance(REGISTER_TIMEOUT);
    expect(connection.state).toMatchObject({
      kind: 'waiting',
      cause: { kind: 'unreachable', error: { kind: 'timeout' } },
    });
  });

  it('keeps the form when the server hangs up while a name is chosen', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.in(':s 433 * anna :taken');
    wire.break({ kind: 'eof', message: '' });
    expect(connection.state).toMatchObject({ kind: 'refused', connected: false });
    connection.answer({ nick: 'bea', account: 'guest' });
    expect(connection.state.kind).toBe('connecting');
    expect(wire.opens).toBe(2);
  });
});

describe('coming back', () => {
  it('waits 2, 2, 2, 4, 8, 15 and then 30 seconds', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => delayBefore(attempt, 0.5))).toEqual([
      2000, 2000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000,
    ]);
    expect(delayBefore(0, 0)).toBe(1600);
    expect(delayBefore(6, 0.999_999)).toBe(36_000);
  });

  it('tries again and again, and at once when told to', async () => {
    connection.connect(target, guest);
    await wire.refuse(new OpenError('refused', ''));
    expect(connection.state).toMatchObject({
      kind: 'waiting',
      retryAt: clock.now() + 2000,
      cause: { kind: 'unreachable' },
    });
    clock.advance(1999);
    expect(wire.opens).toBe(1);
    clock.advance(1);
    expect(wire.opens).toBe(2);
    await wire.refuse(new OpenError('refused', ''));
    connection.retryNow();
    expect(wire.opens).toBe(3);
  });

  it('does not try a certificate again that did not hold', async () => {
    connection.connect(target, guest);
    await wire.refuse(new OpenError('certificate', 'unknown issuer', 'AB:CD'));
    expect(connection.state).toMatchObject({
      kind: 'stopped',
      reason: { kind: 'untrusted', error: { fingerprint: 'AB:CD' } },
    });
    clock.advance(120_000);
    expect(wire.opens).toBe(1);
  });

  it('asks again for a name it had before the page was loaded again', async () => {
    connection.connect(target, guest, true);
    await wire.accept();
    wire.in(LS, ACK, ':s 433 * anna :taken');
    wire.take();
    clock.advance(NAME_RETRY);
    expect(wire.take()).toEqual(['NICK anna']);
  });

  it('gives up an attempt that neither opens nor fails', () => {
    connection.connect(target, guest);
    clock.advance(OPEN_TIMEOUT);
    expect(connection.state.kind).toBe('waiting');
  });

  it('claims its session before its name', async () => {
    await online();
    wire.break({ kind: 'reset', message: 'reset' });
    expect(connection.state).toMatchObject({ kind: 'waiting', cause: { kind: 'lost' } });
    clock.advance(2000);
    await wire.accept();
    expect(wire.take()).toEqual(['CAP LS 302', 'USER anna 0 * anna']);
    wire.in(LS, ACK);
    expect(wire.take().slice(1)).toEqual(['RESUME tok', 'NICK anna', 'CAP END']);
  });

  it('forgets a token that the server does not know', async () => {
    await online();
    wire.break({ kind: 'reset', message: '' });
    clock.advance(2000);
    await wire.accept();
    wire.in(LS, ACK, 'FAIL RESUME UNKNOWN_TOKEN :gone');
    expect(connection.resumeToken).toBeUndefined();
    wire.in(':s 001 anna :hi', ':s 422 anna :no');
    expect(connection.state.kind).toBe('online');
  });

  it('asks for its own name again while that is still taken', async () => {
    await online();
    wire.break({ kind: 'reset', message: '' });
    clock.advance(2000);
    await wire.accept();
    wire.in(LS, ACK, ':s 433 * anna :taken');
    expect(connection.state.kind).toBe('refused');
    wire.take();
    clock.advance(NAME_RETRY);
    expect(wire.take()[0]).toBe('NICK anna');
    wire.in(':s 001 anna :hi', ':s 422 anna :no');
    expect(connection.state.kind).toBe('online');
  });

  it('comes back under the name it had last, to the account it had first', async () => {
    await online({ nick: 'anna', account: 'guest' });
    wire.in(':anna!a@h NICK Annika');
    expect(connection.nick).toBe('Annika');
    wire.in('FAIL RESUME x :y', 'RESUME TOKEN');
    wire.break({ kind: 'reset', message: '' });
    clock.advance(2000);
    await wire.accept();
    expect(wire.take()).toContain('NICK Annika');
    expect(connection.credentials).toMatchObject({ nick: 'Annika', login: 'anna' });
  });

  it('tells a server that closes from a network that breaks', async () => {
    await online();
    wire.in('ERROR :The server has closed: maintenance until 9');
    expect(connection.state).toMatchObject({
      kind: 'waiting',
      cause: { kind: 'server-closed', reason: 'maintenance until 9' },
    });
  });

  it('does not come back by itself from a ban', async () => {
    await online();
    wire.in('ERROR :You are banned from this server');
    expect(connection.state).toMatchObject({ kind: 'stopped', reason: { kind: 'banned' } });
    clock.advance(120_000);
    expect(wire.opens).toBe(1);
  });

  it('never comes back from its own quit', async () => {
    await online();
    connection.quit('ciao a tutti');
    expect(wire.take()).toEqual(['QUIT :ciao a tutti']);
    wire.in('ERROR :Quit: ciao a tutti');
    wire.break({ kind: 'eof', message: '' });
    clock.advance(120_000);
    expect(connection.state).toEqual({ kind: 'stopped', reason: { kind: 'quit' } });
    expect(wire.opens).toBe(1);
  });
});

describe('liveness', () => {
  it('asks every 5 s of silence and gives up at 15 s', async () => {
    await online();
    clock.advance(5000);
    expect(wire.take()).toEqual(['PING salotto-1']);
    clock.advance(9999);
    expect(connection.state.kind).toBe('online');
    clock.advance(1);
    expect(connection.state).toMatchObject({ kind: 'waiting', cause: { kind: 'lost' } });
  });

  it('is content with any byte', async () => {
    await online();
    for (let i = 0; i < 20; i++) {
      clock.advance(4000);
      wire.in('@time=2026-01-01T00:00:00Z :b!b@c PRIVMSG #a :x');
    }
    expect(connection.state.kind).toBe('online');
    expect(wire.take()).toEqual([]);
  });

  it('asks every 30 s while hidden, and at once when shown again', async () => {
    await online();
    connection.setHidden(true);
    clock.advance(29_000);
    expect(wire.take()).toEqual([]);
    connection.setHidden(false);
    expect(wire.take()).toEqual(['PING salotto-1']);
    wire.in(':s PONG s salotto-1');
    connection.setHidden(true);
    clock.advance(30_000);
    expect(wire.take()).toEqual(['PING salotto-2']);
    clock.advance(10_000);
    expect(connection.state.kind).toBe('waiting');
  });

  it('answers the server, also before it is signed in', async () => {
    connection.connect(target, guest);
    await wire.accept();
    wire.take();
    wire.in('PING :abc def');
    expect(wire.take()).toEqual(['PONG :abc def']);
  });
});

describe('an account’s device', () => {
  const LOGGED_IN = ':s 900 * anna!a@h anna :You are now logged in as anna';
  const GREETING = [':s 001 anna :Welcome', ':s 422 anna :No MOTD'];
  const password: Credentials = { nick: 'anna', account: 'login', password: 'secret' };

  async function again(): Promise<void> {
    wire.break({ kind: 'reset', message: '' });
    clock.advance(2000);
    await wire.accept();
    wire.take();
  }

  async function signedIn(): Promise<void> {
    connection.connect(target, password);
    await wire.accept();
    wire.in(LS, ACK, 'AUTHENTICATE +', LOGGED_IN, ':s 903 anna :ok', ...GREETING);
    wire.in(':s RESUME TOKEN device.one');
  }

  it('has its name told, and a token that takes the place of the password', async () => {
    await signedIn();
    expect(wire.take()).toContain('RESUME AS :a test');
    expect(kept).toEqual(['device']);
    expect(connection.credentials).toEqual({
      nick: 'anna',
      account: 'login',
      login: 'anna',
      token: 'device',
    });
  });

  it('comes back with the token alone', async () => {
    await signedIn();
    await again();
    wire.in(LS, ACK);
    expect(wire.take().slice(1)).toEqual(['RESUME device.one']);
    wire.in(LOGGED_IN);
    expect(wire.take()).toEqual(['NICK anna', 'CAP END']);
    wire.in(...GREETING, ':s RESUME TOKEN device.two');
    expect(connection.state.kind).toBe('online');
    expect(connection.account).toBe('anna');
    expect(connection.resumeToken).toBe('device.two');
  });

  it('signs in with what an earlier run has kept', async () => {
    connection.connect(target, { nick: 'Annika', account: 'login', login: 'anna', token: 'device' });
    await wire.accept();
    wire.in(LS, ACK);
    expect(wire.take()).toContain('RESUME device');
    wire.in(LOGGED_IN);
    expect(wire.take()).toEqual(['NICK Annika', 'CAP END']);
  });

  it('asks the person for the password when the token is refused, for as long as it takes', async () => {
    await signedIn();
    await again();
    wire.in(LS, ACK, ':s FAIL RESUME UNKNOWN_TOKEN :gone');
    expect(kept).toEqual(['device', undefined]);
    expect(connection.state).toMatchObject({
      kind: 'refused',
      connected: true,
      refusal: { field: 'password', code: 'signed-out' },
    });
    expect(wire.take().some((line) => line.startsWith('AUTHENTICATE'))).toBe(false);
    wire.break({ kind: 'eof', message: 'too slow' });
    expect(connection.state).toMatchObject({ kind: 'refused', connected: false });
    expect(connection.lockedOut).toBe(true);
    connection.answer(password);
    await wire.accept();
    wire.in(LS, ACK);
    expect(wire.take()).toContain('AUTHENTICATE PLAIN');
    wire.in(LOGGED_IN, ':s 903 anna :ok', ...GREETING);
    expect(connection.state.kind).toBe('online');
    expect(connection.lockedOut).toBe(false);
  });

  it('answers on the same connection while that is there', async () => {
    await signedIn();
    await again();
    wire.in(LS, ACK, ':s FAIL RESUME UNKNOWN_TOKEN :gone');
    wire.take();
    connection.answer(password);
    expect(wire.take()).toEqual(['AUTHENTICATE PLAIN']);
  });

  it('is told when it was signed out elsewhere, and does not knock again by itself', async () => {
    await signedIn();
    wire.in(
      ':s FAIL RESUME REVOKED :This device was signed out',
      'ERROR :Closing connection: signed out from another device',
    );
    expect(kept).toEqual(['device', undefined]);
    expect(connection.state).toMatchObject({ kind: 'refused', connected: false });
    wire.take();
    clock.advance(120_000);
    expect(wire.take()).toEqual([]);
  });

  it('keeps the password in memory where the server knows no tokens', async () => {
    connection.connect(target, password);
    await wire.accept();
    wire.in('CAP * LS :sasl', 'CAP * ACK :sasl', LOGGED_IN, ':s 903 anna :ok', ...GREETING);
    await again();
    wire.in('CAP * LS :sasl', 'CAP * ACK :sasl', 'AUTHENTICATE +');
    expect(wire.take()).toContain('AUTHENTICATE PLAIN');
    expect(kept).toEqual([]);
  });

  it('does not take a busy server for a wrong password', async () => {
    connection.connect(target, password);
    await wire.accept();
    wire.in(LS, ACK, 'FAIL AUTHENTICATE TEMPORARILY_UNAVAILABLE :Try again later', ':s 904 anna :no');
    expect(connection.state).toMatchObject({ kind: 'refused', refusal: { field: 'account', code: 'other' } });
  });
});
