/** Nelder and Mead's simplex (1965), step by step as scipy.optimize.minimize takes it. */

const [LARGER, LARGER_THAN_0] = [1.05, 0.00025]; // the first simplex
const [X_TOLERANCE, F_TOLERANCE] = [1e-4, 1e-4];
const MOST = 200; // evaluations and steps for each coordinate

export interface Minimum {
  x: number[];
  value: number;
}

class OutOfCalls extends Error {}

/** Minimises a function of a few coordinates, from a start. */
export function minimise(f: (x: number[]) => number, start: readonly number[]): Minimum {
  const most = MOST * start.length;
  let calls = 0;
  const at = (x: number[]): Minimum => {
    if (calls++ >= most) throw new OutOfCalls();
    return { x, value: f(x) };
  };
  const corners = [at([...start])];
  for (let k = 0; k < start.length; k++) {
    corners.push(at(start.map((x, i) => (i !== k ? x : x === 0 ? LARGER_THAN_0 : LARGER * x))));
  }
  const sort = (): unknown => corners.sort((one, other) => one.value - other.value);
  sort();
  for (let steps = 1; calls < most && steps < most && !converged(corners); steps++) {
    try {
      step(corners, at);
    } catch (error) {
      if (!(error instanceof OutOfCalls)) throw error;
    }
    sort();
  }
  return corners[0]!;
}

function converged([best, ...others]: Minimum[]): boolean {
  return others.every(
    ({ x, value }) =>
      Math.abs(value - best!.value) <= F_TOLERANCE &&
      x.every((at, i) => Math.abs(at - best!.x[i]!) <= X_TOLERANCE),
  );
}

/** Replaces the worst corner by a better one, or shrinks all towards the best. Corners are sorted. */
function step(corners: Minimum[], at: (x: number[]) => Minimum): void {
  const last = corners.length - 1;
  const [best, worst] = [corners[0]!, corners[last]!];
  const middle = best.x.map((_, i) => corners.slice(0, -1).reduce((sum, { x }) => sum + x[i]!, 0) / last);
  /** 0 is the middle of the others, 1 as far from it as the worst, and on the other side. */
  const beyond = (way: number): Minimum => at(middle.map((x, i) => (1 + way) * x - way * worst.x[i]!));
  const reflected = beyond(1);
  if (reflected.value < best.value) {
    const expanded = beyond(2);
    corners[last] = expanded.value < reflected.value ? expanded : reflected;
    return;
  }
  if (reflected.value < corners[last - 1]!.value) {
    corners[last] = reflected;
    return;
  }
  const outside = reflected.value < worst.value;
  const contracted = beyond(outside ? 0.5 : -0.5);
  if (outside ? contracted.value <= reflected.value : contracted.value < worst.value) {
    corners[last] = contracted;
    return;
  }
  for (let j = 1; j <= last; j++) {
    corners[j] = at(corners[j]!.x.map((x, i) => best.x[i]! + 0.5 * (x - best.x[i]!)));
  }
}
