/** Where the tests' stores are; without them the tests fail rather than being left out. */

export function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: these tests need a running store (npm test starts them)`);
  }
  return value;
}

let count = 0;

/** A name of this test's own, so that runs beside each other do not meet. */
export function ownName(what: string): string {
  count += 1;
  return `t-${what}-${process.pid}-${Date.now().toString(36)}-${count}`;
}

export const untilTimeoutMs = 30_000;

/** Waits for a condition. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = untilTimeoutMs,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
