import { mentions } from '../text';
import type { EventEntry, MessageEntry } from '../timeline';
import type { Message } from '../wire';

/** The client-only tag that carries our own mark of a message. */
export const TOKEN_TAG = '+salotto.chat/token';

/**
 * Which of two messages of our own server is the younger: their names are numbers in base 32, whose digits sort as
 * characters do (docs/protocol.md). Other servers' names say nothing.
 */
export function compareMsgids(msgid: string, other: string): number {
  if (msgid.length !== other.length) return msgid.length - other.length;
  return msgid < other ? -1 : msgid > other ? 1 : 0;
}

/** When the server says a line happened; `otherwise` when it does not say. */
export function timeOf(message: Message, otherwise: number): number {
  const time = Date.parse(message.tags.get('time') ?? '');
  return Number.isNaN(time) ? otherwise : time;
}

export interface Reader {
  /** Our own name. */
  readonly nick: string;
  isSelf(nick: string): boolean;
  /** Whether a mention is worth a mark: in a talk with one person every line is. */
  readonly mentions: boolean;
  readonly now: number;
  /** Makes an id for a line that the server gave none. */
  id(): string;
}

/** What a PRIVMSG or NOTICE becomes; `undefined` for what is not shown, such as questions between programs. */
export function messageEntry(message: Message, reader: Reader): MessageEntry | undefined {
  const { source, tags } = message;
  if (!source || (message.command !== 'PRIVMSG' && message.command !== 'NOTICE')) return undefined;
  let text = message.params[1] ?? '';
  let type: MessageEntry['type'] = message.command === 'NOTICE' ? 'notice' : 'message';
  if (text.startsWith('\x01')) {
    const action = /^\x01ACTION ?([^\x01]*)\x01?$/.exec(text);
    if (!action) return undefined;
    text = action[1] ?? '';
    type = 'action';
  }
  const own = reader.isSelf(source.nick);
  const msgid = tags.get('msgid');
  const token = own ? tags.get(TOKEN_TAG) : undefined;
  const account = tags.get('account');
  return {
    kind: 'message',
    id: msgid ?? reader.id(),
    time: timeOf(message, reader.now),
    ...(msgid === undefined ? {} : { msgid }),
    ...(token === undefined ? {} : { token }),
    ...(account === undefined ? {} : { account }),
    type,
    nick: source.nick,
    text,
    own,
    mention: !own && reader.mentions && mentions(text, reader.nick),
    state: 'sent',
  };
}

/** What the text of a PART (`quit` false) or QUIT says: why, and whether the connection broke. */
export function leaveReason(text: string | undefined, quit: boolean): Pick<EventEntry, 'reason' | 'broken'> {
  if (!quit) return text ? { reason: text } : {};
  const lost = /^Connection lost:?\s*(.*)$/i.exec(text ?? '');
  if (lost) return lost[1] ? { reason: lost[1], broken: true } : { broken: true };
  const said = (text ?? '').replace(/^Quit:?\s*/i, '');
  return said ? { reason: said } : {};
}
