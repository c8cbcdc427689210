/** The room's state in the page's address, so that a link shows another person the same. */

import { make } from "./element";
import { writeState, type State } from "./state";

export const ROOM = "#garments";
const PAUSE = 250; // ms: browsers refuse to write the address for every step of a slider

export class Address {
  readonly element: HTMLElement;
  private readonly said = make("span", { className: "faint" });
  private state: State | null = null;
  private timer = 0;

  /** @param changed Is given the address that a visitor has typed or followed. */
  constructor(changed: (address: string) => void) {
    const copy = make("button", { type: "button" }, "Copy link");
    this.said.setAttribute("role", "status");
    this.element = make("p", { className: "row link" }, copy, this.said);
    copy.addEventListener("click", () => void this.copy());
    addEventListener("hashchange", () => {
      const [room, address] = location.hash.split("?", 2);
      if (room !== ROOM || this.state === null) return;
      if (address === undefined) this.write();
      else if (address !== writeState(this.state)) changed(address);
    });
  }

  show(state: State): void {
    this.state = state;
    this.said.textContent = "";
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.write(), PAUSE);
  }

  private write(): void {
    const room = location.hash.split("?", 1)[0];
    if (room === ROOM || room === "") history.replaceState(null, "", this.hash); // not in another room
  }

  private get hash(): string {
    return `${ROOM}?${writeState(this.state!)}`;
  }

  private async copy(): Promise<void> {
    this.write();
    try {
      await navigator.clipboard.writeText(new URL(this.hash, location.href).href);
      this.said.textContent = "Copied: it shows the same picture and noise";
    } catch {
      this.said.textContent = "This browser does not let the page copy: the address bar has the link";
    }
  }
}
