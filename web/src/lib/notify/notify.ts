/** Everything that decides whether a message reaches for the person's attention. */
export interface NotifyContext {
  readonly enabled: boolean;
  readonly own: boolean;
  /** It came with history, or was read elsewhere already. */
  readonly replay: boolean;
  readonly direct: boolean;
  readonly mention: boolean;
  readonly muted: boolean;
  /** This window has the focus and shows the room. */
  readonly looking: boolean;
  /** The time since the last notification, in ms. */
  readonly sinceLast: number;
}

/** The least time between two notifications, in ms. */
export const MIN_GAP = 500;

/** `mark`: nothing but the unread mark; `badge`: it counts; `toast`: the system shows it. */
export type Attention = 'none' | 'mark' | 'badge' | 'toast';

export function attention(context: NotifyContext): Attention {
  if (context.own || context.replay) return 'none';
  if (!context.direct && !context.mention) return 'mark';
  if (context.muted) return context.mention ? 'badge' : 'mark';
  if (context.looking) return 'mark';
  if (!context.enabled || context.sinceLast < MIN_GAP) return 'badge';
  return 'toast';
}
