/** What every refusal has, whatever refuses: one documented form, and no trace of our insides. */
import { expect } from 'vitest';
import type { Answer } from './client.ts';

export const traces = /\.(?:ts|js|mjs|lua|sql):\d|\bat \S+ \(|node_modules|SELECT |ERR |Error:/;

export function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.json['code'], text: answer.text }).toMatchObject({
    status,
    code,
  });
  expect(answer.text).not.toMatch(traces);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.json).toMatchObject({ type: `/docs/errors#${code}`, status });
  expect(answer.json['request_id']).toBe(answer.headers.get('x-request-id'));
}
