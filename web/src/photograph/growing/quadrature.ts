/** Gauss and Legendre's quadrature. */

/** Nodes in [-1, 1] and their weights: the roots of a Legendre polynomial, by Newton's method. */
export function gaussLegendre(count: number): { nodes: Float64Array; weights: Float64Array } {
  const [nodes, weights] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 0;
    for (let round = 0; round < 10; round++) {
      let [before, value] = [1, x];
      for (let n = 2; n <= count; n++) {
        [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n];
      }
      slope = (count * (x * value - before)) / (x * x - 1);
      x -= value / slope;
    }
    nodes[i] = x;
    weights[i] = 2 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}
