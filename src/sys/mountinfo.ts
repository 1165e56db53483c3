/** The text of mountinfo: proc_pid_mountinfo(5). */

/** A path in it: blanks, backslashes and # stand there as octal escapes, all other bytes as they are. */
export function mountPath(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
