export { initials, nickHue } from './nickcolour';
export { isEmojiOnly, mentions, plainText, richText, type Span } from './rich';
