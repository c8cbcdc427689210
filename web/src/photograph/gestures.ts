/** Pointer, wheel and keys on the picture: they move the divider, or move and zoom the picture. */

import type { Camera } from "./camera";

const NEAR = 24; // CSS pixels, within which the divider is grasped
const STEP = 40; // CSS pixels, by which an arrow key moves the picture
const FINER = Math.SQRT2; // of a key

export interface Gestures {
  stage: HTMLElement;
  camera: Camera;
  /** The share of the stage that is left of the divider. */
  split(): number;
  /** Moves the divider. */
  divide(share: number): void;
  /** The camera has changed. */
  changed(): void;
}

export function followGestures(given: Gestures): void {
  followPointers(given);
  followWheel(given);
  followKeys(given);
}

function followPointers({ stage, camera, split, divide, changed }: Gestures): void {
  const pointers = new Map<number, { x: number; y: number }>();
  let dividing = false;
  const place = (event: PointerEvent): { x: number; y: number } => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.target as Element).closest("button")) return;
    const at = place(event);
    pointers.set(event.pointerId, at);
    stage.setPointerCapture(event.pointerId);
    dividing = !camera.cropped || Math.abs(at.x - split() * stage.clientWidth) < NEAR;
    if (dividing) divide(at.x / stage.clientWidth);
  });
  stage.addEventListener("pointermove", (event) => {
    const from = pointers.get(event.pointerId);
    if (!from) return;
    const to = place(event);
    const [first, second] = [...pointers.values()];
    if (first && second) {
      const other = first === from ? second : first;
      const middle = {
        x: ((to.x + other.x) / 2) * devicePixelRatio,
        y: ((to.y + other.y) / 2) * devicePixelRatio,
      };
      const grown = distance(to, other) / Math.max(distance(from, other), 1);
      camera.move(((to.x - from.x) / 2) * devicePixelRatio, ((to.y - from.y) / 2) * devicePixelRatio);
      camera.zoom(camera.scale * grown, middle);
      changed();
    } else if (dividing) {
      divide(to.x / stage.clientWidth);
    } else {
      camera.move((to.x - from.x) * devicePixelRatio, (to.y - from.y) * devicePixelRatio);
      changed();
    }
    pointers.set(event.pointerId, to);
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
}

function distance(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Without Ctrl, the wheel scrolls the page. Browsers report pinching on a touchpad as wheel with Ctrl. */
function followWheel({ stage, camera, changed }: Gestures): void {
  stage.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const { left, top } = stage.getBoundingClientRect();
      const at = {
        x: (event.clientX - left) * devicePixelRatio,
        y: (event.clientY - top) * devicePixelRatio,
      };
      camera.zoom(camera.scale * Math.exp(-event.deltaY / 200), at);
      changed();
    },
    { passive: false },
  );
}

function followKeys({ stage, camera, changed }: Gestures): void {
  const step = (): number => STEP * devicePixelRatio;
  const actions: Record<string, () => void> = {
    ArrowLeft: () => camera.move(step(), 0),
    ArrowRight: () => camera.move(-step(), 0),
    ArrowUp: () => camera.move(0, step()),
    ArrowDown: () => camera.move(0, -step()),
    "+": () => camera.zoom(camera.scale * FINER),
    "=": () => camera.zoom(camera.scale * FINER),
    "-": () => camera.zoom(camera.scale / FINER),
    "0": () => camera.fit(),
    "1": () => camera.zoom(1),
    "2": () => camera.zoom(2),
    "4": () => camera.zoom(4),
  };
  stage.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
    changed();
  });
}
