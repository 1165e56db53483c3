/** How far a pull or a push is, for whoever shows it. */

/** What happens meanwhile. Sizes are in bytes, as the registry has them. */
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
      /** Of `size`; with "packing", how many uncompressed ones have been written. */
      readonly bytes: number;
    };

/** What is done with a layer: a pull downloads and unpacks it, a push packs it, where its file is not kept, and uploads it. */
export type LayerState = "waiting" | "downloading" | "unpacking" | "packing" | "uploading" | "done";
