/** Takes a file that is chosen, dropped or pasted while the room is shown. */

export interface Intake {
  section: HTMLElement;
  input: HTMLInputElement;
  take(file: File): void;
  /** Something was dropped that is no file. */
  refuse(problem: string): void;
}

export function listen({ section, input, take, refuse }: Intake): void {
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) take(file);
    input.value = ""; // so that the same file can be chosen again
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (section.hidden || !file) return;
    event.preventDefault();
    take(file);
  });
  // The whole page takes drops: beside a small target, the browser would leave the page for the file.
  addEventListener("dragover", (event) => {
    if (section.hidden) return;
    event.preventDefault();
    section.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) section.classList.remove("dropping"); // it has left the window
  });
  addEventListener("drop", (event) => {
    if (section.hidden) return;
    event.preventDefault();
    section.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
    else refuse("What was dropped is not a file: drop a picture from a folder");
  });
}
