/** Shows the room that the address names. Each room is loaded when it is first shown. */

import { loadLaboratory, Mistake, type Laboratory } from "./laboratory";
import { say } from "./message";

/**
 * Fills a room's section once. `address` is what follows the room's name: "image=3&seed=1". What it returns,
 * if anything, is called when the visitor follows a link to the open room, with what follows its name there.
 */
export type Room = (
  section: HTMLElement,
  laboratory: Laboratory,
  address: string,
) => void | ((address: string) => void);

const ROOMS: Record<string, { title: string; load: () => Promise<{ open: Room }> }> = {
  garments: { title: "Garments", load: () => import("./garments/room") },
  photograph: { title: "Your photograph", load: () => import("./photograph/room") },
};
const FIRST = "garments";
const PAGE = document.title;

const laboratory = loadLaboratory();
laboratory.catch(() => {}); // it is reported where a room waits for it
/** What follows a link to an open room. Null while the room is being opened. */
const opened = new Map<string, ((address: string) => void) | null>();

async function show(): Promise<void> {
  const { name, address } = named(location.hash);
  for (const room of Object.keys(ROOMS)) {
    document.getElementById(room)!.hidden = room !== name;
    const link = linkTo(room);
    if (room === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${ROOMS[name]!.title} – ${PAGE}`;
  if (opened.has(name)) opened.get(name)?.(address);
  else await open(name, address);
  document.querySelector("footer")!.hidden = false; // below the room from the start, so that it never moves
}

/** Opens a room. If that fails, it says so, and the next visit tries again. The other room goes on. */
async function open(name: string, address: string): Promise<void> {
  opened.set(name, null);
  const section = document.getElementById(name)!;
  try {
    const room = await ROOMS[name]!.load();
    opened.set(name, room.open(section, await laboratory, address) ?? null);
  } catch (error) {
    opened.delete(name);
    section.replaceChildren();
    say(error instanceof Mistake ? error.message : `This room could not be opened: ${String(error)}`);
  }
}

function named(hash: string): { name: string; address: string } {
  const [name = "", address = ""] = hash.slice(1).split("?", 2);
  return name in ROOMS ? { name, address } : { name: FIRST, address: "" };
}

function linkTo(room: string): HTMLAnchorElement {
  return document.querySelector<HTMLAnchorElement>(`nav [data-room=${room}]`)!;
}

addEventListener("hashchange", ({ oldURL }) => {
  // The link to the room that is left leads back to what was shown there.
  const left = new URL(oldURL).hash;
  linkTo(named(left).name).hash = left || FIRST;
  void show();
});
// The address belongs to the rooms, so the link past the navigation does not change it.
document.querySelector(".skip")!.addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content")!.focus();
});
addEventListener("unhandledrejection", ({ reason }) => say(`Something went wrong: ${String(reason)}`));
addEventListener("error", ({ message }) => say(`Something went wrong: ${message}`));
void show();
