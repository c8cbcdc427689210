/** Shows the room that the address names. Each room is loaded when it is first shown. */

import { loadLaboratory, Mistake, type Laboratory } from "./laboratory";
import { say } from "./message";

/** Fills a room's section once. `address` is what follows the room's name: "image=3&seed=1". */
export type Room = (section: HTMLElement, laboratory: Laboratory, address: string) => void;

const ROOMS: Record<string, () => Promise<{ open: Room }>> = {
  garments: () => import("./garments/room"),
  photograph: () => import("./photograph/room"),
};
const FIRST = "garments";

const laboratory = loadLaboratory();
const opened = new Set<string>();

async function show(): Promise<void> {
  const [named = "", address = ""] = location.hash.slice(1).split("?", 2);
  if (named === "content") return; // the link that skips the navigation
  const room = named in ROOMS ? named : FIRST;
  for (const name of Object.keys(ROOMS)) {
    document.getElementById(name)!.hidden = name !== room;
    const link = document.querySelector(`nav a[href="#${name}"]`)!;
    if (name === room) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (opened.has(room)) return;
  opened.add(room);
  try {
    const { open } = await ROOMS[room]!();
    open(document.getElementById(room)!, await laboratory, address);
  } catch (error) {
    opened.delete(room);
    say(error instanceof Mistake ? error.message : `The page could not be loaded: ${String(error)}`);
  }
}

addEventListener("hashchange", () => void show());
void show();
