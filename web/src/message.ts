/** The line below the rooms that says what is wrong. */

export function say(problem: string | null): void {
  const line = document.getElementById("message")!;
  line.textContent = problem;
  line.hidden = problem === null;
}
