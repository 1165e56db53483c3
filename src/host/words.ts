/** Numbers as answers: words of 32 bits, as nsenter/front/guard.c compares them. */

export function word(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

export function words(values: readonly number[] | Uint32Array): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}
