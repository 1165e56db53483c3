/** Registries on this machine. */

/** Names of this machine itself: docker speaks to them without TLS, too. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host);
}
