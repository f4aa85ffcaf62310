import { caseMapping, fold, type CaseMapping } from './casefold';

/** What a server says of itself in numeric 005, with the values to assume when it does not. */
export class ISupport {
  readonly #tokens = new Map<string, string>();

  /** Takes the parameters of one 005 line: our name first and a human sentence last. */
  apply(params: readonly string[]): void {
    for (const param of params.slice(1, -1)) {
      if (param.startsWith('-')) {
        this.#tokens.delete(param.slice(1));
        continue;
      }
      const equals = param.indexOf('=');
      if (equals < 0) this.#tokens.set(param, '');
      else
        this.#tokens.set(
          param.slice(0, equals),
          param
            .slice(equals + 1)
            .replace(/\\x([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
        );
    }
  }

  has(token: string): boolean {
    return this.#tokens.has(token);
  }

  get(token: string): string | undefined {
    return this.#tokens.get(token);
  }

  #number(token: string, otherwise: number): number {
    const value = Number.parseInt(this.#tokens.get(token) ?? '', 10);
    return Number.isFinite(value) && value > 0 ? value : otherwise;
  }

  get network(): string | undefined {
    return this.#tokens.get('NETWORK');
  }

  get casemapping(): CaseMapping {
    return caseMapping(this.#tokens.get('CASEMAPPING'));
  }

  fold(name: string): string {
    return fold(name, this.casemapping);
  }

  get nickLength(): number {
    return this.#number('NICKLEN', 32);
  }

  get channelLength(): number {
    return this.#number('CHANNELLEN', 64);
  }

  get topicLength(): number {
    return this.#number('TOPICLEN', 390);
  }

  /** The most messages one CHATHISTORY may ask for; 0 when the server keeps none. */
  get historyLimit(): number {
    return this.#number('CHATHISTORY', this.#number('draft/CHATHISTORY', 0));
  }

  isChannel(target: string): boolean {
    const types = this.#tokens.get('CHANTYPES') ?? '#&';
    return target !== '' && types.includes(target.charAt(0));
  }

  /** The membership marks, highest first: `@+` and the modes that give them: `ov`. */
  get prefixes(): { readonly modes: string; readonly marks: string } {
    const match = /^\(([^)]*)\)(.*)$/.exec(this.#tokens.get('PREFIX') ?? '(ov)@+');
    return { modes: match?.[1] ?? '', marks: match?.[2] ?? '' };
  }

  /** Whether a channel mode letter takes a parameter when it is set (`true`) or unset. */
  modeTakesParam(letter: string, adding: boolean): boolean {
    if (this.prefixes.modes.includes(letter)) return true;
    const [lists = '', always = '', whenSet = ''] = (this.#tokens.get('CHANMODES') ?? 'b,k,l,imnst').split(
      ',',
    );
    return lists.includes(letter) || always.includes(letter) || (adding && whenSet.includes(letter));
  }
}
