import type { ChatEvent } from '$lib/chat';
import type { Catalogue } from '$lib/i18n';

/** A refusal of the server in the person's language, or in the server's words when it has a reason of its own. */
export function refusalText(t: Catalogue, event: Extract<ChatEvent, { kind: 'refused' }>): string {
  const name = event.subject;
  switch (event.code) {
    case '401':
    case '406':
      return t.refusal.noSuchNick({ name });
    case '403':
      return t.refusal.noSuchRoom({ name });
    case '404':
      return t.refusal.cannotSend({ name });
    case '433':
      return t.refusal.nameTaken({ name });
    case '432':
      return t.nameInvalid;
    case '442':
      return t.refusal.notThere({ name });
    case '471':
      return t.refusal.full({ name });
    case '473':
      return t.refusal.inviteOnly({ name });
    case '474':
      return t.refusal.bannedFrom({ name });
    case '475':
      return t.refusal.needsKey({ name });
    case '482':
      return t.refusal.notOperator({ name });
    case '417':
      return t.refusal.tooLong;
    default:
      return t.refusal.other({ reason: event.reason });
  }
}
