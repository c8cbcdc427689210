/** The clean picture: one of the test images, or a drawing. */

import type { Size } from "../metrics";
import { DrawingBoard } from "./board";
import type { Drawing } from "./drawing";
import { make } from "./element";
import { canvasFor, paint, type Album } from "./picture";
import type { State } from "./state";

type Change = Partial<Pick<State, "image" | "drawing">>;

export class PictureChooser {
  readonly element: HTMLElement;
  private readonly board: DrawingBoard;
  private readonly images: HTMLInputElement[];
  private readonly sources: { image: HTMLInputElement; drawing: HTMLInputElement };
  private readonly thumbnails: HTMLElement;

  constructor(album: Album, source: string, change: (change: Change) => void) {
    this.board = new DrawingBoard(album.size, (drawing: Drawing) => change({ drawing }));
    this.images = Array.from({ length: album.count }, (_, index) => {
      return make("input", { type: "radio", name: "image", value: String(index) });
    });
    const sorted = [...this.images.keys()].sort((a, b) => {
      return album.className(a).localeCompare(album.className(b)) || a - b;
    });
    const grid = make("div", { className: "grid" });
    grid.append(...sorted.map((index) => thumbnail(album, album.size, index, this.images[index]!)));
    this.thumbnails = make(
      "fieldset",
      { className: "thumbnails" },
      make("legend", { className: "visually-hidden" }, `Images of ${source}, by class`),
      grid,
    );
    const radio = (checked: boolean): HTMLInputElement => {
      return make("input", { type: "radio", name: "source", checked });
    };
    this.sources = { image: radio(true), drawing: radio(false) };
    this.element = make(
      "section",
      { className: "card choose" },
      make("h2", {}, "Picture"),
      make(
        "fieldset",
        { className: "switch" },
        make("legend", { className: "visually-hidden" }, "Where the picture comes from"),
        make("label", {}, this.sources.image, make("span", {}, "Test image")),
        make("label", {}, this.sources.drawing, make("span", {}, "Draw one")),
      ),
      this.thumbnails,
      this.board.element,
    );
    grid.addEventListener("change", (event) => {
      change({ image: Number((event.target as HTMLInputElement).value), drawing: null });
    });
    this.sources.image.addEventListener("change", () => change({ drawing: null }));
    this.sources.drawing.addEventListener("change", () => change({ drawing: this.board.drawing }));
  }

  show({ image, drawing }: State): void {
    this.images[image]!.checked = true;
    this.sources.image.checked = drawing === null;
    this.sources.drawing.checked = drawing !== null;
    this.thumbnails.hidden = drawing !== null;
    this.board.element.hidden = drawing === null;
    if (drawing !== null) this.board.show(drawing);
  }

  /** Scrolls the thumbnails, not the page, to the chosen one. */
  reveal({ image }: State): void {
    const grid = this.thumbnails.querySelector<HTMLElement>(".grid")!;
    const chosen = this.images[image]!.parentElement!;
    grid.scrollTop = chosen.offsetTop - grid.offsetTop - grid.clientHeight / 2 + chosen.offsetHeight / 2;
  }
}

function thumbnail(album: Album, size: Size, index: number, input: HTMLInputElement): HTMLElement {
  const canvas = canvasFor(size);
  paint(canvas, album.picture(index), size);
  input.ariaLabel = `${album.className(index)}, image ${index}`;
  return make("label", { title: album.className(index) }, input, canvas);
}
