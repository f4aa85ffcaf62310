/**
 * The one owner of the timeline's scroll position.
 *
 * It knows two states only: at the bottom, or anchored to a row at a distance from the lower edge of the view.
 * The person's scrolling changes the state; every change of layout is answered by restoring it, so that nothing
 * that arrives, grows or goes moves what is being read.
 */
export type ScrollState =
  | { readonly kind: 'bottom' }
  /** The row's lower edge is `offset` px above the view's lower edge. */
  | { readonly kind: 'anchored'; readonly key: string; readonly offset: number };

/** As close to the end as this counts as the end, in px. */
export const BOTTOM_TOLERANCE = 16;

export class ScrollKeeper {
  #state: ScrollState = { kind: 'bottom' };
  /** Where our own last move has put the view: the scroll event it causes is not the person's. */
  #expected: number | undefined;
  /** The layout that the state was last brought in line with. */
  #layout = { content: 0, view: 0 };

  constructor(
    private readonly view: HTMLElement,
    private readonly content: HTMLElement,
  ) {}

  get state(): ScrollState {
    return this.#state;
  }

  set(state: ScrollState): void {
    this.#state = state;
  }

  get distanceToBottom(): number {
    return this.view.scrollHeight - this.view.clientHeight - this.view.scrollTop;
  }

  /** The rows that can be anchors, in order. */
  #rows(): HTMLElement[] {
    return [...this.content.querySelectorAll<HTMLElement>('[data-key]')];
  }

  #row(key: string): HTMLElement | undefined {
    return this.content.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) ?? undefined;
  }

  /** A scroll event came; `true` when it was the person's. */
  scrolled(): boolean {
    // A layout that has changed under us moves the view too, when it becomes shorter: that is nobody's wish.
    if (this.view.scrollHeight !== this.#layout.content || this.view.clientHeight !== this.#layout.view) {
      this.restore();
      return false;
    }
    if (this.#expected !== undefined && Math.abs(this.view.scrollTop - this.#expected) <= 1) return false;
    this.#expected = undefined;
    this.capture();
    return true;
  }

  /** Takes the present position as the state to keep. */
  capture(): void {
    this.#layout = { content: this.view.scrollHeight, view: this.view.clientHeight };
    if (this.distanceToBottom <= BOTTOM_TOLERANCE) {
      this.#state = { kind: 'bottom' };
      return;
    }
    const edge = this.view.getBoundingClientRect().bottom;
    const rows = this.#rows();
    // The lowest row that is wholly above the edge; the rows are in order, so halve the search.
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) <= edge + 0.5) low = middle + 1;
      else high = middle;
    }
    const row = rows[Math.max(0, low - 1)];
    const key = row?.dataset['key'];
    if (row && key !== undefined)
      this.#state = { kind: 'anchored', key, offset: edge - row.getBoundingClientRect().bottom };
  }

  /** After a change of layout: puts the view back to where the state says. */
  restore(): void {
    if (this.#state.kind === 'bottom') {
      if (this.distanceToBottom > 0.5) this.view.scrollTop = this.view.scrollHeight;
    } else {
      const row = this.#row(this.#state.key);
      if (!row) {
        this.capture();
        return;
      }
      const offset = this.view.getBoundingClientRect().bottom - row.getBoundingClientRect().bottom;
      const drift = this.#state.offset - offset;
      // Relative, never read-then-write: it does not fight a scroll that is still in motion.
      if (Math.abs(drift) >= 0.5) this.view.scrollBy({ top: drift, behavior: 'instant' });
    }
    this.#expected = this.view.scrollTop;
    this.#layout = { content: this.view.scrollHeight, view: this.view.clientHeight };
  }

  toBottom(): void {
    this.#state = { kind: 'bottom' };
    this.restore();
  }

  /** Brings a row to `share` of the view's height from its top, and keeps it there. */
  bring(key: string, share: number): boolean {
    const row = this.#row(key);
    if (!row) return false;
    const view = this.view.getBoundingClientRect();
    this.view.scrollBy({
      top: row.getBoundingClientRect().top - view.top - view.height * share,
      behavior: 'instant',
    });
    this.#expected = this.view.scrollTop;
    this.capture();
    return true;
  }

  /** The key of the highest row of which something is in view. */
  topmostVisible(): string | undefined {
    const edge = this.view.getBoundingClientRect().top + 8;
    return this.#rows().find((row) => row.getBoundingClientRect().bottom >= edge)?.dataset['key'];
  }

  /** The key of the lowest row that is wholly in view. */
  lowestVisible(): string | undefined {
    const edge = this.view.getBoundingClientRect().bottom + 8;
    return this.#rows().findLast((row) => row.getBoundingClientRect().bottom <= edge)?.dataset['key'];
  }
}
