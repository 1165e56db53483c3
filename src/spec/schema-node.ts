/** What walks over the schemas need of them: valibot's own types differ by kind. */
export interface SchemaNode {
  readonly type: string;
  /** Of an object. */
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  /** Of a list. */
  readonly item?: SchemaNode;
  /** Of a map. */
  readonly value?: SchemaNode;
  /** Of an optional field. */
  readonly wrapped?: SchemaNode;
  readonly default?: unknown;
  /** Of a choice of strings. */
  readonly options?: readonly string[];
  /** Of an integer: the bounds. */
  readonly pipe?: readonly { readonly type: string; readonly requirement?: unknown }[];
}
