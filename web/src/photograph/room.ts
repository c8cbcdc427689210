/** The room in which a visitor's photograph is restored. */

import { Mistake, type Laboratory } from "../laboratory";
import type { Room } from "../main";
import { say } from "../message";
import { decode } from "./decode";
import { download } from "./download";
import { followGestures } from "./gestures";
import { listen } from "./intake";
import { MARKUP } from "./markup";
import { Panel } from "./panel";
import "./photograph.css";
import type { Picture } from "./picture";
import { Restoration } from "./restoration";
import { Stage } from "./stage";

export const open: Room = (section, laboratory) => {
  section.innerHTML = MARKUP;
  new Photograph(section, laboratory);
};

class Photograph {
  private readonly stage: Stage;
  private readonly panel: Panel;
  private picture: Picture | null = null;
  private restoration: Restoration | null = null;
  private strength = 1;
  private asked = 0; // files, of which the last one counts

  constructor(
    section: HTMLElement,
    private readonly laboratory: Laboratory,
  ) {
    this.stage = new Stage(section);
    const { view } = this.stage;
    const zoomed = (): void => this.stage.moved();
    this.panel = new Panel(section, {
      start: () => void this.restore(),
      cancel: () => this.cancel(),
      download: () => this.download(),
      strength: (strength) => view.setStrength((this.strength = strength)),
      difference: (difference) => this.stage.showDifference(difference),
      zoom: (to) => this.stage.zoom(to),
    });
    view.drawn = () => this.panel.showScale(view.camera.scale);
    followGestures({
      stage: this.stage.element,
      camera: view.camera,
      split: () => this.stage.split,
      divide: (share) => this.stage.divide(share),
      changed: zoomed,
    });
    listen({
      section,
      input: this.panel.input,
      take: (file) => void this.take(file),
      refuse: say,
    });
  }

  /** Shows and restores a file. If it is no picture, what was there stays. */
  private async take(file: File): Promise<void> {
    const asked = ++this.asked;
    say(null);
    try {
      const picture = await decode(file);
      if (asked !== this.asked) return; // another file has been given meanwhile
      this.restoration?.stop();
      this.restoration = null;
      this.picture = picture;
      this.panel.showPicture(picture);
      this.stage.show(picture);
      await this.restore();
    } catch (error) {
      if (asked === this.asked) say(error instanceof Mistake ? error.message : `${file.name}: ${error}`);
    }
  }

  private async restore(): Promise<void> {
    const picture = this.picture!;
    const { view } = this.stage;
    const restoration = new Restoration(picture, this.laboratory.photograph, {
      changed: (area) => view.update(area),
      progress: (done, total, left) => this.panel.showProgress(done, total, left),
    });
    this.restoration = restoration;
    this.stage.showRestored(restoration.restored);
    this.panel.running();
    const began = performance.now();
    try {
      const whole = await restoration.run();
      if (!whole) return;
      const spent = (performance.now() - began) / 1000;
      this.panel.finished(spent, restoration.byGpu, restoration.evened);
    } catch (error) {
      if (restoration !== this.restoration) return;
      this.cancel();
      say(`The picture could not be restored: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Stops the restoration, and shows the picture as it came. */
  private cancel(): void {
    this.restoration?.stop();
    this.restoration = null;
    this.stage.showRestored(null);
    this.panel.cancelled();
  }

  private async download(): Promise<void> {
    if (!this.picture || !this.restoration) return;
    try {
      await download(this.picture, this.restoration.restored, this.strength);
    } catch (error) {
      say(`The picture could not be written: ${String(error)}`);
    }
  }
}
