/** Parsing of mountinfo: proc_pid_mountinfo(5). */

/** Decodes a path: blanks, backslashes and # are octal escapes, all other bytes stand for themselves. */
export function mountPath(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
