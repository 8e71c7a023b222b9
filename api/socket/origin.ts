/** Which pages may open a socket: those of the host that they ask, and those of the list. */

/**
 * `origin` and `host` as their headers say. Who sends no Origin is no browser, whose user would have to
 * be protected from the page.
 */
export function mayOpen(origin: string, host: string, allowed: readonly string[]): boolean {
  if (origin === '') return true;
  const lower = origin.toLowerCase();
  if (allowed.includes(lower)) return true;
  const found = /^https?:\/\/([^/?#@\s]+)$/.exec(lower);
  return found?.[1] !== undefined && found[1] === host.toLowerCase();
}
