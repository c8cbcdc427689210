import type { Room } from "../main";

export const open: Room = (section) => {
  section.textContent = "garments";
};
