/** Flag definitions: citty's ArgsDef, of which only the types are used, with what runc's flags need on top. */
import type { BooleanArgDef, PositionalArgDef, StringArgDef } from "citty";

interface Common {
  /** A second, short name. */
  readonly alias?: string;
  /** Left out of the help text: obsolete, or for debugging. */
  readonly hidden?: true;
}

/** A switch: --flag, --flag=true, --flag=false. */
export type BooleanFlag = BooleanArgDef &
  Common & {
    readonly type: "boolean";
    /** Undefined if it is not given, which differs from false. */
    readonly optional?: true;
    /** Further values: --flag=word. */
    readonly words?: readonly string[];
  };

/** A flag with a value. */
export type StringFlag = StringArgDef &
  Common & {
    readonly type: "string";
    /** May be given several times; the value is a list. */
    readonly multiple?: true;
    /** A decimal number, 0 or more. */
    readonly integer?: true;
    /** With `integer`: also -1, which means no limit. */
    readonly orNone?: true;
  };

/** An argument without a dash; required unless it says `required: false`. */
export type Positional = PositionalArgDef & {
  readonly type: "positional";
  /** Takes all that follows, dashes included, so flags end at the first positional. Must be the last. */
  readonly rest?: true;
  /** With `rest`: flags may follow it nevertheless. */
  readonly flagsAfter?: true;
};

export type FlagDef = BooleanFlag | StringFlag | Positional;

/** The flags and positional arguments of a command, by name. */
export type Flags = Readonly<Record<string, FlagDef>>;

/** Type of the value that a definition stands for. */
export type ValueOf<D extends FlagDef> = D extends { readonly type: "boolean" }
  ? D extends { readonly optional: true }
    ? boolean | undefined
    : D extends { readonly words: readonly (infer W)[] }
      ? boolean | W
      : boolean
  : D extends { readonly multiple: true }
    ? D extends { readonly integer: true }
      ? readonly number[]
      : readonly string[]
    : D extends { readonly rest: true }
      ? readonly string[]
      : D extends { readonly integer: true }
        ? number | undefined
        : D extends { readonly type: "positional"; readonly required: false }
          ? string | undefined
          : D extends { readonly type: "positional" }
            ? string
            : D extends { readonly default: string }
              ? string
              : string | undefined;

/** Values by name. */
export type Values<F extends Flags> = { readonly [K in keyof F]: ValueOf<F[K]> };
