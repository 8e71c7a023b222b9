/** A cursor that this server did not make is a parameter out of range: 400, never the first page. */
import { BadCursor } from '../engine/index.ts';
import { refuse } from '../platform/http/problems.ts';

export async function checkedCursor<T>(page: Promise<T>): Promise<T> {
  try {
    return await page;
  } catch (error) {
    if (!(error instanceof BadCursor)) throw error;
    return refuseCursor();
  }
}

export function refuseCursor(): never {
  refuse('invalid_request', '`cursor` is not one of this list', { param: 'cursor' });
}
