/**
 * What the text that is served as /asyncapi.json says of the socket, as a judge of messages. Published
 * schemas let messages grow; here a member that nobody documented is a misfit.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { asyncapiOf } from '../../api/asyncapi.ts';
import { formats } from '../../platform/http/formats.ts';
import type { JsonSchema } from '../../platform/http/route.ts';
import { closed } from './closed.ts';

interface Operation {
  readonly messages: readonly { readonly $ref: string }[];
}

interface Document {
  readonly operations: Readonly<Record<'commands' | 'news', Operation>>;
  readonly components: {
    readonly messages: Readonly<
      Record<string, { readonly name: string; readonly payload: JsonSchema }>
    >;
  };
}

const ajv = new Ajv2020({ strict: false, allErrors: true, formats });
const text = JSON.stringify(asyncapiOf({ title: 'served', version: '1' }));
const { operations, components } = JSON.parse(text) as Document;

function checksOf({ messages }: Operation): ReadonlyMap<string, ValidateFunction> {
  return new Map(
    messages.map(({ $ref }): [string, ValidateFunction] => {
      const message = components.messages[$ref.split('/').at(-1) ?? ''];
      if (message === undefined) throw new Error(`${$ref} leads nowhere`);
      return [message.name, ajv.compile(closed(message.payload))];
    }),
  );
}

const checks = { client: checksOf(operations.commands), server: checksOf(operations.news) };

export type Side = keyof typeof checks;

export const documentedTypes = (side: Side): string[] => [...checks[side].keys()];

/** Why this side may not send it; null = it may. */
export function misfit(side: Side, message: unknown): string | null {
  const type = String((message as { readonly type?: unknown } | null)?.type);
  const check = checks[side].get(type);
  if (check === undefined) return `${type} is not documented`;
  if (check(message)) return null;
  return `${type}: ${ajv.errorsText(check.errors)}: ${JSON.stringify(message)}`;
}
