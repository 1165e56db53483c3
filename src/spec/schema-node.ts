/** The common shape of valibot's schemas, for code that walks over them: valibot's own types differ by kind. */
export interface SchemaNode {
  readonly type: string;
  /** For an object. */
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  /** For a list. */
  readonly item?: SchemaNode;
  /** For a map. */
  readonly value?: SchemaNode;
  /** For an optional field. */
  readonly wrapped?: SchemaNode;
  readonly default?: unknown;
  /** For a choice of strings. */
  readonly options?: readonly string[];
  /** For an integer: the bounds. */
  readonly pipe?: readonly { readonly type: string; readonly requirement?: unknown }[];
}
