/** Status lines, formatted once. */
import { STATUS_CODES } from 'node:http';

const lines = new Map<number, string>(
  Object.entries(STATUS_CODES).map(([code, text]) => [Number(code), `${code} ${text ?? ''}`]),
);

export function statusLine(status: number): string {
  return lines.get(status) ?? `${status} Status`;
}
