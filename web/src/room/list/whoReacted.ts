// Who put a reaction, in words.

import type { Message, Room } from "madang";
import { counted, type Language } from "../words";

const SHOWN = 10;

export async function whoReacted(room: Room, message: Message, emoji: string, language: Language): Promise<string> {
  const { items } = await room.reactors(message.seq ?? 0, emoji, { limit: SHOWN });
  const names = items.map((user) => user.name);
  const count = message.reactions.find((reaction) => reaction.emoji === emoji)?.count ?? 0;
  const others = Math.max(0, count - names.length);
  const more = counted(language, others);
  if (language === "ko") return names.join(", ") + (others > 0 ? ` 외 ${more}명` : "");
  return new Intl.ListFormat("en").format(others > 0 ? [...names, `${more} more`] : names);
}
