import { describe, expect, it } from 'vitest';
import {
  authenticateChunks,
  byteLength,
  checkHost,
  checkName,
  fold,
  ISupport,
  parse,
  parsePort,
  print,
  roomName,
  splitText,
  suggestName,
  textBudget,
} from './index';
import { escapeTag, unescapeTag } from './message';

describe('parse', () => {
  it('reads tags, source, command and parameters', () => {
    const message = parse(
      '@time=2026-01-02T03:04:05.678Z;msgid=x1;+a/b=one\\stwo\\:;flag :anna!a@host PRIVMSG #lobby :ciao a tutti\r\n',
    );
    expect(message?.tags.get('msgid')).toBe('x1');
    expect(message?.tags.get('+a/b')).toBe('one two;');
    expect(message?.tags.get('flag')).toBe('');
    expect(message?.source).toEqual({ nick: 'anna', user: 'a', host: 'host' });
    expect(message?.command).toBe('PRIVMSG');
    expect(message?.params).toEqual(['#lobby', 'ciao a tutti']);
  });

  it('keeps an empty trailing parameter and colons inside', () => {
    expect(parse('TOPIC #a :')?.params).toEqual(['#a', '']);
    expect(parse('x a:b  :c: d')?.params).toEqual(['a:b', 'c: d']);
    expect(parse(':irc.example 001 anna ::-)')?.params).toEqual(['anna', ':-)']);
  });

  it('refuses lines without a command, and never throws', () => {
    for (const line of ['', '   ', '@', '@a=b', ':source', ':source ', '@a :b', 'P!NG x', '12 x', '\u0000']) {
      expect(parse(line)).toBeUndefined();
    }
  });

  it('survives every cut of a line', () => {
    const line = '@a=b\\;c=\\ :n!u@h PRIVMSG #r :text \u{1F600} é';
    for (let end = 0; end <= line.length; end++) expect(() => parse(line.slice(0, end))).not.toThrow();
  });
});

describe('print', () => {
  it('round-trips through parse', () => {
    const line = print('PRIVMSG', ['#a', ': x'], { label: 'l1', '+salotto.chat/token': 'a;b c\\' });
    const message = parse(line);
    expect(message?.params).toEqual(['#a', ': x']);
    expect(message?.tags.get('+salotto.chat/token')).toBe('a;b c\\');
  });

  it('never lets a typed line end become a second command', () => {
    expect(print('PRIVMSG', ['#a', 'x\r\nQUIT'])).toBe('PRIVMSG #a :x QUIT');
    expect(print('JOIN', ['#a b\n', 'key'])).toBe('JOIN #ab key');
  });

  it('escapes tags both ways', () => {
    for (const value of ['', 'a;b', 'a b', '\\', 'a\r\nb', '\\s;'])
      expect(unescapeTag(escapeTag(value))).toBe(value);
    expect(unescapeTag('a\\bc\\')).toBe('abc');
  });
});

describe('names', () => {
  it('folds by the mapping', () => {
    expect(fold('Anna[1]', 'ascii')).toBe('anna[1]');
    expect(fold('Anna[1]~', 'rfc1459')).toBe('anna{1}^');
    expect(fold('Anna[1]~', 'rfc1459-strict')).toBe('anna{1}~');
    expect(fold('ÀNNA', 'ascii')).toBe('Ànna');
  });

  it('checks a user name', () => {
    expect(checkName('anna')).toBeUndefined();
    expect(checkName('Zoë_2')).toBeUndefined();
    expect(checkName('')).toBe('empty');
    expect(checkName('2anna')).toBe('characters');
    expect(checkName('an na')).toBe('characters');
    expect(checkName('#anna')).toBe('characters');
    expect(checkName('a'.repeat(33))).toBe('long');
  });

  it('suggests another name within the limit', () => {
    expect(suggestName('anna')).toBe('anna_');
    expect(suggestName('a'.repeat(32))).toBe(`${'a'.repeat(31)}_`);
  });

  it('reads room names, ports and hosts', () => {
    expect(roomName('rust')).toBe('#rust');
    expect(roomName(' #rust talk ')).toBe('#rust-talk');
    expect(roomName('a,b')).toBeUndefined();
    expect(roomName('#')).toBeUndefined();
    expect(parsePort('6667')).toBe(6667);
    for (const bad of ['0', '65536', '', '-1', '1.5', 'abc', '1e3']) expect(parsePort(bad)).toBeUndefined();
    for (const good of ['localhost', '127.0.0.1', '::1', '[::1]', 'chat.example.org', 'caffè.it'])
      expect(checkHost(good)).toBeUndefined();
    for (const bad of ['a b', 'http://x', 'a/b', '-x', 'a..b']) expect(checkHost(bad)).toBe('characters');
    expect(checkHost(' ')).toBe('empty');
  });
});

describe('ISupport', () => {
  it('reads tokens, removals and defaults', () => {
    const support = new ISupport();
    expect(support.nickLength).toBe(32);
    support.apply([
      'anna',
      'NETWORK=My\\x20Chat',
      'CASEMAPPING=ascii',
      'CHANTYPES=#',
      'PREFIX=(ov)@+',
      'CHATHISTORY=100',
      'NICKLEN=20',
      'are supported',
    ]);
    expect(support.network).toBe('My Chat');
    expect(support.historyLimit).toBe(100);
    expect(support.nickLength).toBe(20);
    expect(support.isChannel('#a')).toBe(true);
    expect(support.isChannel('&a')).toBe(false);
    expect(support.modeTakesParam('o', false)).toBe(true);
    expect(support.modeTakesParam('l', true)).toBe(true);
    expect(support.modeTakesParam('l', false)).toBe(false);
    support.apply(['anna', '-NICKLEN', 'are supported']);
    expect(support.nickLength).toBe(32);
  });
});

describe('split', () => {
  it('keeps what fits and cuts at word ends', () => {
    expect(splitText('hello', 100)).toEqual(['hello']);
    const parts = splitText('uno due tre quattro cinque', 10);
    expect(parts).toEqual(['uno due', 'tre', 'quattro', 'cinque']);
    for (const part of parts) expect(byteLength(part)).toBeLessThanOrEqual(10);
  });

  it('never cuts inside a character', () => {
    const family = '👨‍👩‍👧‍👦';
    const parts = splitText(family.repeat(10), 60);
    expect(parts.join('')).toBe(family.repeat(10));
    for (const part of parts) {
      expect(byteLength(part)).toBeLessThanOrEqual(60);
      expect(part.startsWith('\u200d')).toBe(false);
    }
    expect(splitText('é'.repeat(7), 3)).toEqual(Array(7).fill('é'));
  });

  it('makes a message of each line and drops empty ones', () => {
    expect(splitText('a\r\n\n  \nb', 100)).toEqual(['a', 'b']);
  });

  it('counts the frame that the server adds', () => {
    expect(textBudget('#a', 'n!u@h')).toBe(512 - byteLength(':n!u@h PRIVMSG #a :\r\n'));
  });

  it('chunks SASL payloads', () => {
    expect(authenticateChunks('')).toEqual(['+']);
    expect(authenticateChunks('a'.repeat(400))).toEqual(['a'.repeat(400), '+']);
    expect(authenticateChunks('a'.repeat(401)).map((chunk) => chunk.length)).toEqual([400, 1]);
  });
});
