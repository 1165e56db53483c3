/**
 * Takes the data of other languages than English out of the ICU that Bun brings along: 9 of 12 MB, which make a sixth of the
 * download. brun prints English, and ICU takes what is missing from its root.
 */

/** UDataInfo.dataFormat of a common data file (ICU's ucmndata.h), and the two magic bytes of its header. */
const FORMAT = "CmnD";
const FORMAT_AT = 12;
const MAGIC = [0xda, 0x27];

/** A locale's resources: "de_AT.res", "sr_Latn.res"; English is kept, and "root.res" and "pool.res" are no such names. */
const LOCALE = /^(?!en[._])[a-z]{2,3}(_[A-Za-z0-9]*)*\.res$/;
/** Dictionaries and models by which languages without spaces are cut into words. */
const WORDS = /\.dict$|_model.*\.res$/;

function isKept(name: string): boolean {
  const base = name.slice(name.lastIndexOf("/") + 1);
  return !LOCALE.test(base) && !WORDS.test(base);
}

interface Item {
  readonly name: string;
  readonly nameOffset: number;
  readonly offset: number;
}

/** Where the table of contents begins: a count, then for each item two offsets from here, of its name and its data. */
function tableOf(file: Buffer): number {
  for (let at = file.indexOf(FORMAT); at >= 0; at = file.indexOf(FORMAT, at + 1)) {
    const header = at - FORMAT_AT;
    if (file[header + 2] === MAGIC[0] && file[header + 3] === MAGIC[1])
      return header + file.readUInt16LE(header);
  }
  throw new Error("no data of ICU in the executable");
}

/** The items of ICU's data in an executable, in their order, which is that of their names. Throws an Error without any. */
export function itemsOf(file: Buffer): Item[] {
  const table = tableOf(file);
  const items: Item[] = [];
  for (let i = 0, at = table + 4; i < file.readUInt32LE(table); i++, at += 8) {
    const [nameOffset, offset] = [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
    const name = file.toString("latin1", table + nameOffset, file.indexOf(0, table + nameOffset));
    items.push({ name, nameOffset, offset });
  }
  return items;
}

/**
 * Takes the items out of the table, so that ICU does not find them, and clears their data, in place. The last item stays
 * whatever it is: nothing says where it ends.
 * @returns how many bytes are cleared
 */
export function dropLanguages(file: Buffer): number {
  const table = tableOf(file);
  const items = itemsOf(file);
  let cleared = 0;
  let kept = 0;
  for (const [i, item] of items.entries()) {
    const next = items[i + 1];
    if (next !== undefined && !isKept(item.name)) {
      file.fill(0, table + item.offset, table + next.offset);
      cleared += next.offset - item.offset;
      continue;
    }
    file.writeUInt32LE(item.nameOffset, table + 4 + 8 * kept);
    file.writeUInt32LE(item.offset, table + 8 + 8 * kept);
    kept++;
  }
  file.writeUInt32LE(kept, table);
  return cleared;
}
