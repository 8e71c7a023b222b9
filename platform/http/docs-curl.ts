/** Examples as commands of a shell: any bash runs them, with nothing but curl. */
import { examplesOf } from './examples.ts';
import { exampleProductId } from './schemas.ts';
import type { Route, RouteExample } from './route.ts';

export interface Curl {
  readonly title?: string;
  readonly text: string;
}

/** Variables that the commands take from the shell, besides ids in paths. */
export const shellNames = [
  ['HIGHNOON_KEY', 'a vendor’s API key'],
  ['TOKEN', 'a shopper’s token'],
  ['GUEST_TOKEN', 'a guest’s'],
  ['PRODUCT_ID', 'a product'],
] as const;

export const curlsOf = (route: Route): Curl[] =>
  examplesOf(route).map((example) => ({
    ...(example.title === undefined ? {} : { title: example.title }),
    text: curlOf(route, example),
  }));

function curlOf(route: Route, { query = {}, headers = {}, body, media }: RouteExample): string {
  const verb = route.method === 'GET' ? '' : ` -X ${route.method}`;
  const lines = [`curl -i${verb} "http://localhost:3000${pathOf(route.path)}${queryOf(query)}"`];
  if (route.auth === 'vendor') lines.push('-H "Authorization: Bearer $HIGHNOON_KEY"');
  if (route.auth === 'shopper') lines.push('-H "Authorization: Bearer $TOKEN"');
  if (route.idempotencyKey === 'required') {
    lines.push('-H "Idempotency-Key: key-$RANDOM$RANDOM$RANDOM"');
  }
  for (const [name, value] of Object.entries(headers)) lines.push(`-H '${name}: ${value}'`);
  if (body !== undefined) {
    lines.push(`-H 'Content-Type: ${media ?? 'application/json'}'`);
    lines.push(
      typeof body === 'string'
        ? `--data-binary ${quoted(body)}`
        : `-d ${quoted(JSON.stringify(body))}`,
    );
  }
  return lines.join(' \\\n  ');
}

/** `/v1/sales/{id}` → `/v1/sales/$SALE_ID`; a name of its own stays. */
function pathOf(path: string): string {
  const named = path.replace(/([\w-]+)\/\{id\}/g, (_, segment: string) => {
    const one = segment.replace(/ies$/, 'y').replace(/s$/, '').replaceAll('-', '_');
    return `${segment}/\${${one.toUpperCase()}_ID}`;
  });
  return named
    .replace(/(?<!\$)\{(\w+)\}/g, (_, name: string) => `\${${name.toUpperCase()}}`)
    .replace(/\$\{(\w+)\}(?![\w.])/g, '$$$1');
}

function queryOf(query: NonNullable<RouteExample['query']>): string {
  const pairs = Object.entries(query).map(
    ([name, value]) =>
      `${name}=${value === exampleProductId ? '$PRODUCT_ID' : encodeURIComponent(value)}`,
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const guestToken = '$GUEST_TOKEN';

/** In single quotes, with what the shell fills in outside of them. */
function quoted(text: string): string {
  const safe = text.replaceAll("'", `'\\''`);
  const filled = safe
    .replaceAll(exampleProductId, `'"$PRODUCT_ID"'`)
    .replaceAll(guestToken, `'"${guestToken}"'`);
  return `'${filled}'`;
}
