import type { App } from '$features/shell/app.svelte';
import type { Room } from '$lib/chat';
import { COMMANDS, firstWord, type CommandName } from '$lib/composer';
import { roomName } from '$lib/wire';

/** Does what a command says. The result is why it could not be done: then the text stays in the composer. */
export function runCommand(app: App, room: Room, name: CommandName, args: string): string | undefined {
  const { chat, t } = app;
  const usage = t.commandUsage({ usage: t.commands[name].usage });
  const [first, rest] = firstWord(args);

  switch (name) {
    case 'help':
      chat.note(
        room,
        [t.helpIntro, ...COMMANDS.map((each) => `${t.commands[each].usage} – ${t.commands[each].help}`)].join(
          '\n',
        ),
      );
      return undefined;
    case 'quit':
      app.disconnect(args || undefined, args !== '' || chat.unsent().length === 0);
      return undefined;
    case 'disconnect':
      app.disconnect();
      return undefined;
    case 'me':
      if (args === '') return usage;
      return chat.say(room, args, 'action') ? undefined : t.tooManyWaiting;
    case 'connect':
      chat.connection.retryNow();
      return undefined;
    case 'msg': {
      if (first === '') return usage;
      const talk = chat.support.isChannel(first) ? chat.find(first) : chat.direct(first);
      if (!talk) return t.refusal.notThere({ name: first });
      if (rest !== '' && !chat.say(talk, rest)) return t.tooManyWaiting;
      if (talk !== room) app.openRoom(talk);
      return undefined;
    }
  }
  if (!chat.online) return t.commandNeedsOnline;
  switch (name) {
    case 'join': {
      const wanted = roomName(first);
      if (wanted === undefined) return usage;
      const known = chat.find(wanted);
      if (known?.joined) app.openRoom(known);
      else chat.join(wanted, rest || undefined);
      return undefined;
    }
    case 'part':
      chat.leave(room, args || undefined);
      app.router.go(chat.active?.name, true);
      return undefined;
    case 'nick':
      if (first === '') return usage;
      chat.rename(first);
      return undefined;
    case 'topic':
      if (room.kind !== 'room') return usage;
      if (args === '') chat.note(room, room.topic === '' ? t.topicCleared({ name: room.name }) : room.topic);
      else chat.setTopic(room, args);
      return undefined;
    case 'away':
      chat.setAway(args || t.away);
      return undefined;
    case 'back':
      chat.setAway(undefined);
      return undefined;
    case 'whois':
      chat.whois(first || (room.kind === 'direct' ? room.name : chat.nick));
      return undefined;
    case 'invite':
      if (first === '' || room.kind !== 'room') return usage;
      chat.invite(first, room);
      return undefined;
    case 'kick':
      if (first === '' || room.kind !== 'room') return usage;
      chat.kick(room, first, rest);
      return undefined;
  }
}
