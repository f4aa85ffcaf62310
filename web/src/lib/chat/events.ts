import type { Attention } from '../notify';
import type { MessageEntry } from '../timeline';
import type { Room } from './room';

/** What the server says about one person. */
export interface WhoIs {
  readonly nick: string;
  readonly realName?: string;
  readonly account?: string;
  readonly rooms?: string;
  readonly away?: string;
  /** Seconds of silence. */
  readonly idle?: number;
}

/** What happened that is no line of a room; the UI puts it into words. */
export type ChatEvent =
  | { readonly kind: 'welcome'; readonly nick: string; readonly room: Room }
  | { readonly kind: 'joined'; readonly room: Room; readonly asked: boolean }
  | {
      readonly kind: 'message';
      readonly room: Room;
      readonly entry: MessageEntry;
      readonly attention: Attention;
    }
  | { readonly kind: 'back-online'; readonly messages: number }
  | { readonly kind: 'server-notice'; readonly text: string }
  | { readonly kind: 'whois'; readonly person: WhoIs }
  | { readonly kind: 'invited'; readonly room: string; readonly by: string }
  | { readonly kind: 'removed'; readonly room: Room; readonly by: string; readonly reason: string }
  /** A numeric or FAIL that refuses what the person asked for. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly subject: string;
      readonly reason: string;
      /** Whether it was about joining a room. */
      readonly joining: boolean;
    }
  | { readonly kind: 'away'; readonly away: boolean };

/** A room in the server's list. */
export interface RoomInfo {
  readonly name: string;
  readonly people: number;
  readonly topic: string;
}
