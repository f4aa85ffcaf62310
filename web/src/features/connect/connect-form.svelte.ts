import type { App } from '$features/shell/app.svelte';
import type { Credentials, Refusal } from '$lib/connection';
import type { Target } from '$lib/transport';
import { checkHost, checkName, parsePort, suggestName } from '$lib/wire';

export type AccountMode = Credentials['account'];
export type Field = 'host' | 'port' | 'name' | 'password';

/** The form that leads in: its fields, what is wrong with each, and what the server made of them. */
export class ConnectForm {
  #host = $state('');
  #port = $state('');
  #tls = $state(false);
  #name = $state('');
  #password = $state('');
  #mode = $state<AccountMode>('guest');
  /** The browser's own server, unless the person asks for another. */
  #other = $state(false);
  #shown = $state.raw<readonly Field[]>([]);
  #fingerprint: string | undefined;

  constructor(private readonly app: App) {
    const { settings } = app.preferences;
    // Who was signing in, where the person was sent back here; then whoever did last.
    const { credentials } = app.chat.connection;
    const known = app.chat.state.kind === 'stopped' ? undefined : credentials;
    this.#name = known?.login ?? known?.nick ?? settings.name ?? '';
    if (app.platform.desktop) {
      this.#other = true;
      this.#host = settings.host ?? 'localhost';
      this.#tls = settings.tls ?? false;
      this.#port = String(settings.port ?? 6667);
    } else {
      this.#host = location.hostname;
      this.#tls = location.protocol === 'https:';
      this.#port = location.port || (this.#tls ? '443' : '80');
    }
    if (known?.account === 'login' || this.#known(this.#name)) this.#mode = 'login';
  }

  #known(name: string): boolean {
    return (
      parsePort(this.#port) !== undefined && this.app.chat.devices.remembers(this.#target(), name.trim())
    );
  }

  /** This device is signed in to the account of this name: no password is needed. */
  get remembered(): boolean {
    void this.app.live.state;
    return this.#mode === 'login' && this.#known(this.#name);
  }

  get host(): string {
    return this.#host;
  }

  get port(): string {
    return this.#port;
  }

  get tls(): boolean {
    return this.#tls;
  }

  get name(): string {
    return this.#name;
  }

  get password(): string {
    return this.#password;
  }

  get mode(): AccountMode {
    return this.#mode;
  }

  get other(): boolean {
    return this.#other;
  }

  setOther(other: boolean): void {
    this.#other = other;
    this.#abandon();
  }

  setHost(host: string): void {
    this.#host = host;
    this.#fingerprint = undefined;
    this.#changed('host');
    this.#abandon();
  }

  setPort(port: string): void {
    // The usual ports say whether the connection is encrypted; the switch still has the last word.
    if (this.app.platform.desktop && (port === '6697' || port === '6667')) this.#tls = port === '6697';
    this.#port = port;
    this.#changed('port');
    this.#abandon();
  }

  setTls(tls: boolean): void {
    if (this.app.platform.desktop && (this.#port === '6667' || this.#port === '6697'))
      this.#port = tls ? '6697' : '6667';
    this.#tls = tls;
    this.#abandon();
  }

  setName(name: string): void {
    this.#name = name;
    this.#changed('name');
    this.#pause();
  }

  setPassword(password: string): void {
    this.#password = password;
    this.#changed('password');
    this.#pause();
  }

  setMode(mode: AccountMode): void {
    this.#mode = mode;
    this.#pause();
  }

  #changed(field: Field): void {
    if (!this.#shown.includes(field)) this.#shown = [...this.#shown, field];
  }

  /** Another server is meant: whatever goes on with this one ends. */
  #abandon(): void {
    const { kind } = this.app.chat.state;
    if (kind !== 'idle' && kind !== 'stopped') this.app.chat.connection.cancel();
  }

  /** Another name is meant: attempts stop, a connection that waits for the name is kept. */
  #pause(): void {
    const { kind } = this.app.chat.state;
    if (kind === 'connecting' || kind === 'waiting' || kind === 'registering')
      this.app.chat.connection.cancel();
  }

  get needsPassword(): boolean {
    return this.#mode !== 'guest' && !this.remembered;
  }

  #problem(field: Field): string | undefined {
    const { t } = this.app;
    switch (field) {
      case 'host': {
        if (!this.#other) return undefined;
        const problem = checkHost(this.#host);
        return problem === 'empty' ? t.hostEmpty : problem === 'characters' ? t.hostInvalid : undefined;
      }
      case 'port':
        return this.#other && parsePort(this.#port) === undefined ? t.portInvalid : undefined;
      case 'name': {
        const problem = checkName(this.#name.trim());
        if (problem === 'empty') return t.nameEmpty;
        if (problem === 'characters') return t.nameInvalid;
        return problem === 'long' ? t.nameLong({ limit: 32 }) : undefined;
      }
      case 'password':
        return this.needsPassword && this.#password === '' ? t.passwordEmpty : undefined;
    }
  }

  /** What the server has refused, while the field still holds it. */
  get #refusal(): Refusal | undefined {
    const { state } = this.app.live;
    return state.kind === 'refused' ? state.refusal : undefined;
  }

  #refusalText(field: Field): string | undefined {
    const refusal = this.#refusal;
    if (!refusal || refusal.field !== field) return undefined;
    const { t } = this.app;
    const { code, nick, reason } = refusal;
    if (field === 'name' && this.#name.trim() !== nick) return undefined;
    switch (code) {
      case 'taken':
        return t.nameTaken({ name: nick, suggestion: suggestName(nick) });
      case 'reserved':
        return t.nameRegistered({ name: nick });
      case 'invalid':
        return reason ? t.nameRefused({ reason }) : t.nameInvalid;
      case 'account-exists':
        return t.accountExists({ name: nick });
      case 'wrong-password':
        return t.passwordWrong;
      case 'signed-out':
        return t.signedOut;
      case 'weak-password':
        return t.passwordWeak({ reason });
      case 'unsupported':
        return t.accountsUnsupported;
      case 'other':
        return t.accountRefused({ reason });
    }
  }

  /** What is wrong with a field, once it is fair to say so. */
  error(field: Field): string | undefined {
    const problem = this.#problem(field);
    return problem !== undefined && this.#shown.includes(field) ? problem : this.#refusalText(field);
  }

  /** The name belongs to an account, perhaps to this person's. */
  get reserved(): boolean {
    const refusal = this.#refusal;
    return this.#mode === 'guest' && refusal?.code === 'reserved' && this.#name.trim() === refusal.nick;
  }

  /** A name to offer in place of one that is taken. */
  get suggestion(): string | undefined {
    const refusal = this.#refusal;
    return (refusal?.code === 'taken' || refusal?.code === 'reserved') && this.#name.trim() === refusal.nick
      ? suggestName(refusal.nick)
      : undefined;
  }

  /** What went wrong that belongs to no field. */
  get generalError(): string | undefined {
    const { t } = this.app;
    const { state } = this.app.live;
    const refusal = this.#refusal;
    if (refusal?.field === 'account') {
      return refusal.code === 'unsupported'
        ? t.accountsUnsupported
        : t.accountRefused({ reason: refusal.reason });
    }
    if (state.kind === 'stopped') {
      if (state.reason.kind === 'banned') return t.banned({ reason: state.reason.reason });
      if (state.reason.kind === 'untrusted')
        return state.reason.error.kind === 'certificate' ? t.certificate : t.tlsFailed;
      return undefined;
    }
    if (state.kind !== 'waiting') return undefined;
    const { cause } = state;
    if (cause.kind === 'server-closed')
      return cause.reason ? t.serverClosed({ reason: cause.reason }) : t.serverClosedNoReason;
    const host = this.#other ? this.#host.trim() : location.host;
    const refused = this.#other ? t.refused({ host, port: Number(this.#port) }) : t.refusedHere({ host });
    if (cause.kind === 'lost') return refused;
    switch (cause.error.kind) {
      case 'dns':
        return t.dnsFailed({ host });
      case 'timeout':
        return t.timedOut({ host });
      case 'other':
        return cause.error.message ? t.openFailed({ reason: cause.error.message }) : refused;
      default:
        return refused;
    }
  }

  /** The fingerprint of a certificate that was not trusted, to be accepted by hand. */
  get untrusted(): string | undefined {
    const { state } = this.app.live;
    return state.kind === 'stopped' && state.reason.kind === 'untrusted'
      ? state.reason.error.fingerprint
      : undefined;
  }

  trust(): void {
    this.#fingerprint = this.untrusted;
    this.submit();
  }

  get busy(): boolean {
    const { kind } = this.app.live.state;
    return kind === 'connecting' || kind === 'registering';
  }

  /** Connects, or answers a refusal. The result is the first field that is wrong, which takes the focus. */
  submit(): Field | undefined {
    this.#shown = ['host', 'port', 'name', 'password'];
    const fields: Field[] = ['host', 'port', 'name', 'password'];
    const wrong = fields.find((field) => this.#problem(field) !== undefined);
    if (wrong) return wrong;
    const nick = this.#name.trim();
    const credentials: Credentials =
      this.#mode === 'guest'
        ? { nick, account: 'guest' }
        : { nick, account: this.#mode, ...(this.needsPassword ? { password: this.#password } : {}) };
    if (this.app.chat.state.kind === 'refused') {
      this.app.preferences.update({ name: nick });
      this.app.chat.connection.answer(this.#same(credentials));
      return undefined;
    }
    this.app.connect(this.#target(), credentials);
    return undefined;
  }

  /** The person who was here before comes back under the name they had. */
  #same(credentials: Credentials): Credentials {
    const known = this.app.chat.connection.credentials;
    const same =
      known?.account === 'login' && credentials.account === 'login' && known.login === credentials.nick;
    return same ? { ...credentials, nick: known.nick, login: credentials.nick } : credentials;
  }

  #target(): Target {
    const base = {
      host: this.#host.trim().replace(/^\[|\]$/g, ''),
      port: parsePort(this.#port) ?? 0,
      tls: this.#tls,
    };
    if (!this.#other) return { ...base, sameOrigin: true };
    return this.#fingerprint === undefined ? base : { ...base, fingerprint: this.#fingerprint };
  }
}
