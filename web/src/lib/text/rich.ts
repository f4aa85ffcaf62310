/** A message's text as a tree of plain data; the UI makes elements of it, never HTML from text. */
export type Span =
  | { readonly kind: 'text'; readonly text: string; readonly style?: Style }
  | { readonly kind: 'link'; readonly text: string; readonly href: string; readonly host: string }
  | { readonly kind: 'room'; readonly text: string }
  | { readonly kind: 'mention'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string };

export interface Style {
  readonly bold?: boolean;
  readonly italic?: boolean;
  readonly underline?: boolean;
  readonly strike?: boolean;
  readonly mono?: boolean;
}

/** Control characters of IRC formatting: colours are dropped, the rest becomes a style. */
const CONTROL =
  /[\x02\x1d\x1f\x1e\x11\x0f\x16]|\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9a-f]{6}(?:,[0-9a-f]{6})?)?/gi;
const OTHER_CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** The text without formatting: for titles, notifications and screen readers. */
export function plainText(text: string): string {
  return text.replace(CONTROL, '').replace(OTHER_CONTROL, '');
}

const TOKEN = /`([^`\n]+)`|\bhttps?:\/\/[^\s<>"`]+|(?<![\p{L}\p{N}_&/])#[\p{L}\p{N}_][\p{L}\p{N}_.-]*/giu;

/** Ends a link where a person would: not with the punctuation of the sentence, and with closed brackets. */
function trimLink(link: string): string {
  let end = link.length;
  for (;;) {
    const last = link.charAt(end - 1);
    if (/[.,;:!?'*_~]/.test(last)) {
      end -= 1;
    } else if (last === ')' || last === ']' || last === '}') {
      const open = last === ')' ? '(' : last === ']' ? '[' : '{';
      const body = link.slice(0, end);
      if (body.split(open).length < body.split(last).length) end -= 1;
      else return body;
    } else return link.slice(0, end);
  }
}

function safeUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    return (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' ? url : undefined;
  } catch {
    return undefined;
  }
}

function isRegExpSpecial(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');
}

/** Whether `text` names `nick` as a whole word. */
export function mentions(text: string, nick: string): boolean {
  return nick !== '' && mentionPattern(nick).test(plainText(text));
}

function mentionPattern(nick: string, flags = 'iu'): RegExp {
  return new RegExp(
    `(?<![\\p{L}\\p{N}_-])@?${isRegExpSpecial(nick).replace(/\\-/g, '-')}(?![\\p{L}\\p{N}_-])`,
    flags,
  );
}

function withMentions(text: string, nick: string | undefined, style: Style | undefined): Span[] {
  const plain = (part: string): Span =>
    style ? { kind: 'text', text: part, style } : { kind: 'text', text: part };
  if (!nick) return text === '' ? [] : [plain(text)];
  const spans: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(mentionPattern(nick, 'giu'))) {
    if (match.index > from) spans.push(plain(text.slice(from, match.index)));
    spans.push({ kind: 'mention', text: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) spans.push(plain(text.slice(from)));
  return spans;
}

function tokens(text: string, nick: string | undefined, style: Style | undefined): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [found] = match;
    if (match.index < from) continue;
    let span: Span | undefined;
    let length = found.length;
    if (match[1] !== undefined) span = { kind: 'code', text: match[1] };
    else if (found.startsWith('#')) {
      const name = found.replace(/[.-]+$/, '');
      length = name.length;
      // `#1` is an issue number far more often than a room.
      if (!/^#\d+$/.test(name)) span = { kind: 'room', text: name };
    } else {
      const link = trimLink(found);
      length = link.length;
      const url = safeUrl(link);
      if (url) span = { kind: 'link', text: link, href: url.href, host: url.host };
    }
    if (!span) continue;
    spans.push(...withMentions(text.slice(from, match.index), nick, style), span);
    from = match.index + length;
  }
  spans.push(...withMentions(text.slice(from), nick, style));
  return spans;
}

/** Reads a message. `nick` is our own name, to be shown where it is mentioned. */
export function richText(text: string, nick?: string): Span[] {
  if (!/[`#:]|[\u0000-\u001f]/.test(text) && !nick) return text === '' ? [] : [{ kind: 'text', text }];
  const spans: Span[] = [];
  let style: { -readonly [K in keyof Style]: Style[K] } = {};
  let from = 0;
  const flush = (end: number): void => {
    const part = text.slice(from, end).replace(OTHER_CONTROL, '');
    if (part !== '')
      spans.push(...tokens(part, nick, Object.values(style).some(Boolean) ? { ...style } : undefined));
  };
  for (const match of text.matchAll(CONTROL)) {
    flush(match.index);
    from = match.index + match[0].length;
    switch (match[0].charAt(0)) {
      case '\x02':
        style.bold = !style.bold;
        break;
      case '\x1d':
        style.italic = !style.italic;
        break;
      case '\x1f':
        style.underline = !style.underline;
        break;
      case '\x1e':
        style.strike = !style.strike;
        break;
      case '\x11':
        style.mono = !style.mono;
        break;
      case '\x0f':
        style = {};
        break;
    }
  }
  flush(text.length);
  return spans;
}

const EMOJI_ONLY =
  /^(?:(?:\p{RI}\p{RI}|\p{Emoji}\uFE0F?\u20E3|(?:\p{Emoji_Presentation}|\p{Emoji}\uFE0F)\p{EMod}?(?:\u200D\p{Emoji}\uFE0F?\p{EMod}?)*[\u{E0020}-\u{E007F}]*)\s*){1,3}$/u;

/** Up to three emoji and nothing else: shown large. */
export function isEmojiOnly(text: string): boolean {
  return text.length <= 60 && EMOJI_ONLY.test(text.trim());
}
