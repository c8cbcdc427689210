/** The line over the lower edge of the page that says what is wrong. */

const box = document.getElementById("message")!;
const line = box.querySelector("p")!;

/** Says what is wrong, until the visitor closes the line or the next thing is said. Null closes it. */
export function say(problem: string | null): void {
  box.hidden = problem === null;
  line.textContent = problem;
}

box.querySelector("button")!.addEventListener("click", () => say(null));
