/**
 * What /openapi.json promises, and whether an answer keeps it: a status that is not promised, a
 * media type or a form of body that is not, a field that nobody documented, a problem code that the
 * operation does not name.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { formats } from '../../../platform/http/formats.ts';
import type { JsonSchema } from '../../../platform/http/route.ts';
import { closed } from '../../support/closed.ts';

interface Promised {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly responses: Readonly<Record<string, Promised>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Named {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

/** Statuses of success that an operation promises; none = known to the contract, not built yet. */
export const successes = (operation: Operation): string[] =>
  Object.keys(operation.responses).filter((status) => status.startsWith('2'));

const escaped = (part: string): string =>
  encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);

export class Contract {
  readonly operations = new Map<string, Named>();
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, formats });
  readonly #checks = new Map<string, ValidateFunction>();
  readonly #patterns: (Named & { readonly pattern: RegExp })[] = [];

  constructor(api: OpenApi) {
    this.#ajv.addSchema(strictly(api), 'api');
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const named = { path, method, operation };
        this.operations.set(operation.operationId, named);
        this.#patterns.push({ ...named, pattern: patternOf(path) });
      }
    }
    // `/sales/{id}.ics` before `/sales/{id}`, `/orders/lookup` before `/orders/{id}`.
    const weight = ({ path }: Named): number => path.replace(/\{\w+\}/g, '').length;
    this.#patterns.sort((a, b) => weight(b) - weight(a));
  }

  /** The operation that a request is for; undefined when the document names none. */
  find(method: string, path: string): Named | undefined {
    const [bare = ''] = path.split('?');
    return this.#patterns.find(
      (named) => named.method === method.toLowerCase() && named.pattern.test(bare),
    );
  }

  /** Why an answer does not keep the contract; null when it does. */
  misfit(named: Named, status: number, contentType: string | null, text: string): string | null {
    const { responses } = named.operation;
    const promised = responses[String(status)];
    if (promised === undefined) {
      return `answered ${status}, promised ${Object.keys(responses).join(', ')}: ${text}`;
    }
    const [media = ''] = (contentType ?? '').split(';');
    if (promised.content === undefined) {
      return text === '' ? null : `answered ${status} with a body, which is not promised`;
    }
    if (!(media in promised.content)) {
      return `answered ${status} in ${media}, which is not promised`;
    }
    const check = this.#check(named, String(status), media);
    if (check(media.endsWith('json') ? jsonOf(text) : text)) return null;
    return `answered ${status}: ${this.#ajv.errorsText(check.errors)}: ${text}`;
  }

  #check({ path, method }: Named, status: string, media: string): ValidateFunction {
    const pointer = [path, method, 'responses', status, 'content', media, 'schema'];
    const ref = `api#/paths/${pointer.map(escaped).join('/')}`;
    let check = this.#checks.get(ref);
    if (check === undefined) {
      check = this.#ajv.compile({ $ref: ref });
      this.#checks.set(ref, check);
    }
    return check;
  }
}

/** The same document, with answers that hold nothing but what it names. */
function strictly(api: OpenApi): OpenApi {
  const answers = ([status, { content, ...rest }]: [string, Promised]): [string, Promised] => {
    const json = content?.['application/json'];
    if (json === undefined) return [status, { ...rest, ...(content && { content }) }];
    const strict = { ...json, schema: closed(json.schema) };
    return [status, { ...rest, content: { ...content, 'application/json': strict } }];
  };
  const operations = ([method, operation]: [string, Operation]): [string, Operation] => {
    const responses = Object.fromEntries(Object.entries(operation.responses).map(answers));
    return [method, { ...operation, responses }];
  };
  const paths = Object.entries(api.paths).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods).map(operations)),
  ]);
  return { ...api, paths: Object.fromEntries(paths) as OpenApi['paths'] };
}

export async function readContract(url: string): Promise<Contract> {
  const response = await fetch(`${url}/openapi.json`);
  return new Contract((await response.json()) as OpenApi);
}
