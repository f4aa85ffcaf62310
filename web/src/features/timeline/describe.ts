import type { IconName } from '$features/shared/Icon.svelte';
import type { Catalogue } from '$lib/i18n';
import { plainText } from '$lib/text';
import type { Change, EventEntry } from '$lib/timeline';

/** The server's reasons for a lost connection, in the person's language where we know them. */
function lossReason(t: Catalogue, reason: string): string {
  if (/ping timeout|timed? ?out|no answer/i.test(reason)) return t.pingTimeout;
  return /reset/i.test(reason) ? t.connectionReset : reason;
}

/** One event in words. */
export function describeEvent(t: Catalogue, entry: EventEntry): string {
  const { nick, detail = '', broken } = entry;
  const reason = entry.reason === undefined ? undefined : plainText(entry.reason);
  switch (entry.event) {
    case 'join':
      return t.joinedRoom({ names: [nick] });
    case 'leave':
      if (broken) {
        return reason === undefined
          ? t.lostConnection({ names: [nick] })
          : t.lostConnectionReason({ name: nick, reason: lossReason(t, reason) });
      }
      return reason === undefined ? t.leftRoom({ names: [nick] }) : t.leftRoomReason({ name: nick, reason });
    case 'rename':
      return t.renamed({ name: nick, to: detail });
    case 'kick':
      return reason === undefined
        ? t.kicked({ by: nick, name: detail })
        : t.kickedReason({ by: nick, name: detail, reason });
    case 'topic':
      return detail === ''
        ? t.topicCleared({ name: nick })
        : t.topicSet({ name: nick, topic: plainText(detail) });
    case 'mode':
      return t.modeSet({ name: nick, modes: detail });
  }
}

export function eventIcon(entry: EventEntry): IconName {
  switch (entry.event) {
    case 'join':
      return 'enter';
    case 'leave':
      return entry.broken ? 'unplug' : 'exit';
    case 'rename':
      return 'rename';
    case 'kick':
      return 'exit';
    case 'topic':
      return 'pin';
    case 'mode':
      return 'shield';
  }
}

/** The most names in one part of a summary. */
const NAMES = 5;

/** A run of events in one line: "Anna and Luca joined · Bo left · Eva → Eva2". */
export function describeRun(t: Catalogue, changes: readonly Change[]): string {
  const names = (wanted: (change: Change) => boolean): string[] => {
    const all = changes.filter(wanted).map((change) => change.nick);
    return all.length <= NAMES ? all : [...all.slice(0, NAMES - 1), `+${all.length - NAMES + 1}`];
  };
  const joined = names((change) => change.change === 'join');
  const left = names((change) => change.change === 'leave' && change.broken !== true);
  const lost = names((change) => change.change === 'leave' && change.broken === true);
  const renamed = changes.filter((change) => change.change === 'rename').slice(0, NAMES);
  return [
    ...(joined.length > 0 ? [t.joinedRoom({ names: joined })] : []),
    ...(left.length > 0 ? [t.leftRoom({ names: left })] : []),
    ...(lost.length > 0 ? [t.lostConnection({ names: lost })] : []),
    ...renamed.map((change) => `${change.nick} → ${change.to ?? ''}`),
  ].join(' · ');
}
