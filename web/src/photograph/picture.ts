/** A picture in memory. */

export interface Picture {
  /** The file's name. */
  name: string;
  width: number;
  height: number;
  /** 1 for a grey picture, 3 for colours. */
  channels: 1 | 3;
  /** 0 is black and 255 is white: row, column, channel. */
  data: Uint8Array<ArrayBuffer>;
  /** Opacity: row, column. Null if every pixel is opaque. */
  alpha: Uint8Array<ArrayBuffer> | null;
  /** The file's colour profile (ICC), to be written again. Null if it has none. */
  profile: Uint8Array<ArrayBuffer> | null;
}

/** A rectangle of pixels. */
export interface Area {
  left: number;
  top: number;
  width: number;
  height: number;
}
