import type { Connection, Credentials } from '../connection';
import type { Target } from '../transport';
import type { Message } from '../wire';
import type { Memory } from './memory';

/** A device that an account is signed in on. */
export interface Device {
  readonly id: string;
  readonly name: string;
  /** When it first signed in, in ms since the Unix epoch. */
  readonly since: number;
  /** The day when it last did. */
  readonly used: number;
  /** The one we are on. */
  readonly current: boolean;
}

/** The most devices that are taken from an answer; the server keeps fewer for an account. */
export const DEVICES_MAX = 100;

interface Question {
  readonly kind: 'list' | 'revoke' | 'revoke-others';
  readonly found: Device[];
  readonly resolve: (found: Device[] | undefined) => void;
}

/** A server's name in what is kept. */
export function serverKey(target: Target): string {
  return target.sameOrigin ? 'here' : `${target.host}:${target.port}`;
}

/** Where this device's token for an account is kept. */
function tokenKey(target: Target, login: string): string {
  return `device:${serverKey(target)}/${login.toLowerCase()}`;
}

/** The devices of our account, and the token of this one. Answers come in the order of the questions. */
export class Devices {
  #questions: Question[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly memory: Memory,
  ) {}

  /** Whether this device is signed in to an account: then its password is not needed. */
  remembers(target: Target, login: string): boolean {
    return Boolean(this.memory.get(tokenKey(target, login)));
  }

  /** What to sign in with: this device's token where there is one and no password was given. */
  known(target: Target, credentials: Credentials): Credentials {
    const { nick, account, login = nick, password } = credentials;
    const token = this.memory.get(tokenKey(target, login));
    return account === 'login' && password === undefined && token ? { ...credentials, token } : credentials;
  }

  /** The token opens the account as the password does, for this device, until it is revoked. */
  keep(token: string | undefined): void {
    const { target, credentials } = this.connection;
    if (target && credentials)
      this.memory.set(tokenKey(target, credentials.login ?? credentials.nick), token ?? '');
  }

  /** All of them; `undefined` when the server does not tell. */
  list(): Promise<Device[] | undefined> {
    return this.#ask('list', ['LIST']);
  }

  /** Signs one of them out, or all but this one; `false` when that could not be done. */
  async revoke(device: Device | 'others'): Promise<boolean> {
    const answer =
      device === 'others'
        ? this.#ask('revoke-others', ['REVOKE', '*'])
        : this.#ask('revoke', ['REVOKE', device.id]);
    return (await answer) !== undefined;
  }

  /** Leaves, and signs this device out of its account: the next time the password is needed. */
  async signOut(): Promise<void> {
    const own = (await this.list())?.find(({ current }) => current);
    if (own) this.connection.send('RESUME', ['REVOKE', own.id]);
    this.keep(undefined);
    this.connection.quit();
  }

  #ask(kind: Question['kind'], params: readonly string[]): Promise<Device[] | undefined> {
    if (this.connection.state.kind !== 'online') return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#questions.push({ kind, found: [], resolve });
      this.connection.send('RESUME', params);
    });
  }

  /** Takes a line of an answer. */
  take({ params }: Message): void {
    const question = this.#questions[0];
    const [verb, id = '', since = '', used = '', mark = '', name = ''] = params;
    if (verb === 'DEVICE' && question?.kind === 'list' && question.found.length < DEVICES_MAX)
      question.found.push({
        id,
        name,
        since: Date.parse(since) || 0,
        used: Date.parse(used) || 0,
        current: mark === '*',
      });
    else if (verb === 'END' || (verb === 'REVOKED' && question?.kind === 'revoke')) this.#answer(true);
  }

  /** The server has refused the oldest question. */
  failed(): void {
    this.#answer(false);
  }

  /** No answer comes any more. */
  clear(): void {
    while (this.#questions.length > 0) this.#answer(false);
  }

  #answer(done: boolean): void {
    const question = this.#questions.shift();
    question?.resolve(done ? question.found : undefined);
  }
}
