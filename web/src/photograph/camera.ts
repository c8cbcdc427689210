/** Which part of a picture a view shows, and how large. Lengths of the view are in pixels of the screen. */

export interface Size {
  width: number;
  height: number;
}

const LARGEST = 32; // pixels of the screen, a pixel of the picture

export class Camera {
  /** Pixels of the screen for one of the picture. */
  scale = 1;
  /** The place in the picture that is in the middle of the view. */
  x = 0;
  y = 0;
  /** Whether the whole picture stays in the view when the view changes its size. */
  fitted = true;
  private picture: Size = { width: 1, height: 1 };
  private view: Size = { width: 1, height: 1 };

  /** Shows another picture as a whole. */
  look(picture: Size): void {
    this.picture = picture;
    this.fit();
  }

  resize(view: Size): void {
    this.view = view;
    if (this.fitted) this.fit();
    else this.stay();
  }

  fit(): void {
    this.fitted = true;
    this.scale = this.whole;
    [this.x, this.y] = [this.picture.width / 2, this.picture.height / 2];
  }

  /** Sets the scale. What is at that place of the view, by default its middle, stays there. */
  zoom(
    scale: number,
    at: { x: number; y: number } = { x: this.view.width / 2, y: this.view.height / 2 },
  ): void {
    const [right, down] = [at.x - this.view.width / 2, at.y - this.view.height / 2];
    const before = this.scale;
    this.scale = Math.min(Math.max(scale, Math.min(this.whole, 1)), LARGEST);
    this.fitted = false;
    this.x += right / before - right / this.scale;
    this.y += down / before - down / this.scale;
    this.stay();
  }

  /** Moves the picture in the view. */
  move(right: number, down: number): void {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.stay();
  }

  /** Whether the view hides a part of the picture. */
  get cropped(): boolean {
    return (
      this.picture.width * this.scale > this.view.width + 1 ||
      this.picture.height * this.scale > this.view.height + 1
    );
  }

  /** Where the picture's left upper corner is in the view. Whole pixels, so that 1:1 is sharp. */
  get corner(): { left: number; top: number } {
    return {
      left: Math.round(this.view.width / 2 - this.x * this.scale),
      top: Math.round(this.view.height / 2 - this.y * this.scale),
    };
  }

  /** The scale at which the whole picture is seen. Small pictures are not enlarged. */
  private get whole(): number {
    return Math.min(this.view.width / this.picture.width, this.view.height / this.picture.height, 1);
  }

  /** Keeps the picture in the view. */
  private stay(): void {
    this.x = within(this.x, this.picture.width, this.view.width / this.scale);
    this.y = within(this.y, this.picture.height, this.view.height / this.scale);
  }
}

function within(middle: number, picture: number, view: number): number {
  if (picture <= view) return picture / 2;
  return Math.min(Math.max(middle, view / 2), picture - view / 2);
}
