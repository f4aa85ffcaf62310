/** Base64 of a text's UTF-8 bytes, as SASL wants it. */
export function base64(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The AUTHENTICATE lines of a payload: chunks of 400, with `+` after a last one that is full (SASL 3.1). */
export function authenticateChunks(payload: string): string[] {
  if (payload === '') return ['+'];
  const chunks: string[] = [...(payload.match(/.{1,400}/g) ?? [])];
  if (payload.length % 400 === 0) chunks.push('+');
  return chunks;
}
