/** The events of a pull or a push. */

/** An event. Sizes are in bytes, as in the manifest. */
export type ImageEvent =
  | {
      readonly type: "image";
      readonly doing: "pulling" | "pushing";
      readonly name: string;
      readonly layers: number;
      readonly size: number;
    }
  | {
      readonly type: "layer";
      readonly digest: string;
      readonly size: number;
      readonly state: LayerState;
      /** The number of bytes so far, of `size`. In the state "packing" they are uncompressed bytes. */
      readonly bytes: number;
    };

/**
 * The state of a layer. A pull downloads and unpacks it. A push packs it unless the destination has it, and
 * uploads it.
 */
export type LayerState = "waiting" | "downloading" | "unpacking" | "packing" | "uploading" | "done";
