/** Answers that are numbers, as 32-bit words; nsenter/front/guard.c compares them in this form. */

export function word(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

export function words(values: readonly number[] | Uint32Array): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}
