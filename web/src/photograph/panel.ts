/** The controls beside the picture, and what they say. */

import { EVENED } from "./markup";
import type { Picture } from "./picture";
import type { Zoom } from "./stage";

type State = "idle" | "running" | "finished";

export interface Actions {
  start(): void;
  cancel(): void;
  download(): Promise<void>;
  strength(strength: number): void;
  difference(difference: boolean): void;
  zoom(to: Zoom): void;
}

export class Panel {
  readonly input: HTMLInputElement;
  private readonly about: HTMLElement;
  private readonly bar: HTMLProgressElement;
  private readonly left: HTMLElement;
  private readonly status: HTMLElement;
  private readonly run: HTMLButtonElement;
  private readonly save: HTMLButtonElement;
  private readonly show: HTMLFieldSetElement;
  private readonly strength: HTMLInputElement;
  private readonly how: HTMLElement;
  private readonly scale: HTMLOutputElement;
  private state: State = "idle";

  constructor(section: HTMLElement, actions: Actions) {
    const find = <T extends HTMLElement>(selector: string): T => section.querySelector<T>(selector)!;
    this.input = find<HTMLInputElement>("input[name=file]");
    this.about = find(".about");
    this.bar = find<HTMLProgressElement>("progress");
    this.left = find(".card .left");
    this.status = find("[role=status]");
    this.run = find<HTMLButtonElement>(".run");
    this.save = find<HTMLButtonElement>(".download");
    this.show = find<HTMLFieldSetElement>(".show");
    this.strength = find<HTMLInputElement>("input[name=strength]");
    this.how = find(".how");
    this.scale = find<HTMLOutputElement>("output[name=scale]");
    for (const choose of section.querySelectorAll(".choose")) {
      choose.addEventListener("click", () => this.input.click());
    }
    this.run.addEventListener("click", () => (this.state === "running" ? actions.cancel() : actions.start()));
    this.save.addEventListener("click", () => void this.write(actions.download));
    this.show.addEventListener("change", (event) =>
      actions.difference((event.target as HTMLInputElement).value === "difference"),
    );
    const value = find<HTMLOutputElement>("output[name=strength-value]");
    this.strength.addEventListener("input", () => {
      value.value = this.strength.valueAsNumber.toFixed(2);
      actions.strength(this.strength.valueAsNumber);
    });
    for (const button of section.querySelectorAll<HTMLElement>("[data-zoom]")) {
      const to = button.dataset.zoom!;
      button.addEventListener("click", () => actions.zoom(Number(to) || (to as Zoom)));
    }
  }

  showPicture({ name, width, height, channels, alpha }: Picture): void {
    const kind = channels === 3 ? "in colour" : "grey";
    const more = alpha ? ". Its transparency stays as it is." : "";
    this.about.textContent = `${name}: ${width} × ${height} pixels, ${kind}${more}`;
  }

  showProgress(done: number, total: number, left: number | null): void {
    this.bar.value = done / total;
    const tiles = `${done} of ${total} ${total === 1 ? "tile" : "tiles"}`;
    if (left !== null) this.left.textContent = `${tiles}, about ${seconds(left)} left`;
    else this.left.textContent = done ? tiles : "The network starts";
  }

  /** Says it to those who see the line, and to those who hear it. */
  private tell(line: string): void {
    this.left.textContent = this.status.textContent = line;
  }

  running(): void {
    this.status.textContent = "Restoring";
    this.enter("running");
  }

  /** @param evened Whether the noise was made even first. */
  finished(spent: number, byGpu: boolean, evened: boolean): void {
    const line = `Restored in ${seconds(spent)}${byGpu ? " by the GPU" : ""}`;
    this.tell(line);
    if (evened) this.status.textContent = `${line}. ${EVENED}`;
    this.enter("finished");
    this.how.hidden = !evened;
  }

  cancelled(): void {
    this.bar.value = 0;
    this.tell("Stopped. The picture is as it came.");
    this.enter("idle");
  }

  showScale(scale: number): void {
    this.scale.value = `${Math.round(100 * scale)} %`;
  }

  private enter(state: State): void {
    this.state = state;
    // One button for both, so that the focus of those who use the keyboard stays.
    this.run.textContent = state === "running" ? "Cancel" : "Restore";
    this.run.disabled = state === "finished";
    this.show.disabled = this.strength.disabled = state === "idle";
    this.save.disabled = state !== "finished";
    this.how.hidden = true;
  }

  private async write(download: () => Promise<void>): Promise<void> {
    const text = this.save.textContent;
    this.save.textContent = "Writing …";
    this.save.disabled = true;
    await download();
    this.save.textContent = text;
    this.save.disabled = this.state !== "finished";
  }
}

function seconds(value: number): string {
  if (value < 90) return `${Math.max(Math.round(value), 1)} s`;
  return `${Math.round(value / 60)} min`;
}
