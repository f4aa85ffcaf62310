import { describe, expect, it } from 'vitest';
import { initials, isEmojiOnly, mentions, nickHue, plainText, richText } from './index';

const links = (text: string): string[] =>
  richText(text).flatMap((span) => (span.kind === 'link' ? [span.text] : []));

describe('richText', () => {
  it('finds links and leaves the punctuation of the sentence', () => {
    expect(links('see https://a.example/x, or (http://b.example/y_(z)).')).toEqual([
      'https://a.example/x',
      'http://b.example/y_(z)',
    ]);
    expect(links('https://a.example/?q=1&r=2#top!')).toEqual(['https://a.example/?q=1&r=2#top']);
    expect(links('www.example.org and ftp://x')).toEqual([]);
  });

  it('makes no link of other schemes', () => {
    for (const text of ['javascript:alert(1)', 'data:text/html,<b>', 'https://', 'http://[', 'vbscript:x'])
      expect(links(text)).toEqual([]);
  });

  it('puts the text together again, whatever it is', () => {
    for (const text of [
      'plain',
      'a `code` b',
      '#room, and #1',
      'hi anna: x',
      'https://e.org `x` #a anna',
      '<img src=x onerror=alert(1)>',
      '`',
      '#',
      '``',
      'a#b',
    ]) {
      const joined = richText(text, 'anna')
        .map((span) => (span.kind === 'code' ? `\`${span.text}\`` : span.text))
        .join('');
      expect(joined).toBe(text);
    }
  });

  it('knows rooms, not issue numbers', () => {
    expect(richText('join #rust. See #12').filter((span) => span.kind === 'room')).toEqual([
      { kind: 'room', text: '#rust' },
    ]);
  });

  it('reads IRC formatting and drops colours', () => {
    expect(richText('a \x02bold\x0f \x0304,01red\x03 b')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'text', text: 'bold', style: { bold: true } },
      { kind: 'text', text: ' ' },
      { kind: 'text', text: 'red' },
      { kind: 'text', text: ' b' },
    ]);
    expect(plainText('\x02a\x03041\x0f\x07')).toBe('a1');
  });
});

describe('mentions', () => {
  it('are whole words', () => {
    expect(mentions('Anna: hi', 'anna')).toBe(true);
    expect(mentions('hi @anna!', 'anna')).toBe(true);
    expect(mentions('annabel', 'anna')).toBe(false);
    expect(mentions('susanna', 'anna')).toBe(false);
    expect(mentions('anna-maria', 'anna')).toBe(false);
    expect(mentions('a[b]: hi', 'a[b]')).toBe(true);
    expect(mentions('x', '')).toBe(false);
  });
});

it('shows up to three emoji large', () => {
  for (const text of ['🎉', '👍🏽', '👨‍👩‍👧‍👦', '🇮🇹', '❤️', '1️⃣', '🎉 🎉 🎉'])
    expect(isEmojiOnly(text), text).toBe(true);
  for (const text of ['', 'a', '12', '#', '🎉🎉🎉🎉', 'ok 🎉']) expect(isEmojiOnly(text), text).toBe(false);
});

it('gives a person a stable colour and initials', () => {
  expect(nickHue('anna')).toBe(nickHue('anna'));
  expect(new Set(Array.from({ length: 200 }, (_, index) => nickHue(`p${index}`))).size).toBe(12);
  expect(initials('anna')).toBe('A');
  expect(initials('eva_luna')).toBe('EL');
  expect(initials('_')).toBe('_');
});
