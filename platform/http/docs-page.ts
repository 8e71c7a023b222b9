/** /docs: one page, made from the table of routes, that needs nothing but itself. */
import { curlsOf, shellNames } from './docs-curl.ts';
import { escape, htmlPage, prose, table } from './docs-html.ts';
import { fieldTable, noteOf, typeOf } from './docs-schema.ts';
import { docsScript, docsStyle } from './docs-style.ts';
import { audiences, errorsOf, parametersOf } from './openapi.ts';
import type { ApiInfo } from './openapi.ts';
import { problemTable } from './problems.ts';
import type { JsonSchema, Route } from './route.ts';

const examplesNote =
  'The examples run in `bash` once what they name is set: ' +
  `${shellNames.map(([name, what]) => `\`${name}\` (${what})`).join(', ')}, and ids by what ` +
  'they are of, such as `SALE_ID` or `ORDER_ID`. An `Idempotency-Key` is new for each new ' +
  'intention; for a retry send the one before.';

const order = ['shopper', 'vendor', 'public', 'operator'] as const;

export function docsPage(routes: readonly Route[], info: ApiInfo): string {
  const groups = order
    .map((auth) => ({ title: audiences[auth], routes: routes.filter((r) => r.auth === auth) }))
    .filter((group) => group.routes.length > 0);
  const menu = groups.map((group) => menuOf(group.title, group.routes)).join('');
  const parts = groups.map((group) => sectionOf(group.title, group.routes)).join('');
  const body =
    `<div class="page"><nav><h1>${escape(info.title)}</h1>` +
    '<input id="q" type="search" placeholder="Search ( / )" aria-label="Search">' +
    `${menu}</nav><main><h1>${escape(info.title)} API</h1>` +
    `<p>${prose(info.description)}</p><p><a href="/openapi.json">openapi.json</a> · ` +
    `<a href="/docs/errors">problem codes</a></p>${halvesOf(routes)}` +
    `<p>${prose(examplesNote)}</p>${parts}</main></div>`;
  return htmlPage({ title: `${info.title} API`, style: docsStyle, body, script: docsScript });
}

function menuOf(title: string, routes: readonly Route[]): string {
  const items = routes.map(
    (route) =>
      `<li data-find="${escape(wordsOf(route))}"${isLater(route) ? ' class="later"' : ''}><a href="#${route.id}">` +
      `<span class="m ${route.method}">${route.method}</span>` +
      `<span>${escape(route.path)}</span></a></li>`,
  );
  return `<section data-group><h2>${title}</h2><ul>${items.join('')}</ul></section>`;
}

function sectionOf(title: string, routes: readonly Route[]): string {
  const articles = routes.map(articleOf).join('');
  return `<section data-group><h2>${title}</h2>${articles}</section>`;
}

/** Nothing that it answers is a success: it is known, and not built. */
const isLater = ({ responses }: Route): boolean => Object.keys(responses).length === 0;

function wordsOf(route: Route): string {
  return `${route.method} ${route.path} ${route.summary} ${route.id}`.toLowerCase();
}

function articleOf(route: Route): string {
  const { method, path, summary, description, body } = route;
  return (
    `<article id="${route.id}" data-find="${escape(wordsOf(route))}"><h3>${escape(summary)}</h3>` +
    `<div class="line"><span class="${method}">${method}</span> ${escape(path)}</div>` +
    `<div class="who">${whoOf(route)}</div>${
      description === undefined ? '' : `<p>${prose(description)}</p>`
    }${parametersTable(route)}${
      body === undefined ? '' : `<h4>Body</h4>${bodyNote(body)}${fieldTable(body)}`
    }${examplesOfRoute(route)}${answersOf(route)}${problemsOf(route)}</article>`
  );
}

function whoOf({ auth, half, rateLimit }: Route): string {
  const who = {
    public: 'No identity needed',
    vendor: 'Vendor’s API key as bearer token',
    shopper: 'Shopper’s JWT as bearer token',
    operator: 'Operators only',
  }[auth];
  const limit = rateLimit === undefined ? '' : ` · ${rateLimit.perMinute} a minute`;
  const by = half === 'sale' ? 'the sale' : 'the shop window';
  return `${who} · answered by ${by}${limit}`;
}

/** Said once, where both are on the page. */
function halvesOf(routes: readonly Route[]): string {
  if (new Set(routes.map(({ half }) => half)).size < 2) return '';
  return (
    '<p>Two parts answer. <b>The sale</b> keeps stock, holds, orders and lines: what it says is ' +
    'exact, and it refuses rather than guesses. <b>The shop window</b> shows products, search, ' +
    'cart and wishlist: it may be some seconds old, and while it is away (503) the sale goes on.</p>'
  );
}

function examplesOfRoute(route: Route): string {
  const curls = curlsOf(route);
  const parts = curls.map(
    ({ title, text }) =>
      `${title === undefined ? '' : `<p>${prose(title)}:</p>`}<pre class="curl">${escape(text)}</pre>`,
  );
  return `<h4>${curls.length > 1 ? 'Examples' : 'Example'}</h4>${parts.join('')}`;
}

function parametersTable(route: Route): string {
  const rows = parametersOf(route).map(({ name, in: place, required, description, schema }) => [
    `<code>${escape(name)}</code>${required ? ' <b class="req" title="required">*</b>' : ''}`,
    place,
    escape(typeOf(schema)),
    description === undefined ? noteOf(schema) : prose(description),
  ]);
  if (rows.length === 0) return '';
  return `<h4>Parameters</h4>${table(['name', 'in', 'type', ''], rows)}`;
}

function bodyNote(body: JsonSchema): string {
  return typeof body['x-unknown'] === 'string' ? `<p>${prose(body['x-unknown'])}</p>` : '';
}

function answersOf(route: Route): string {
  const parts = Object.entries(route.responses).map(([status, schema]) => {
    if (schema === null) return `<p><b>${status}</b> without a body</p>`;
    const fields = fieldTable(schema);
    const media = route.produces ?? 'application/json';
    if (fields === '') return `<p><b>${status}</b> ${escape(media)}</p>`;
    return `<details><summary><b>${status}</b> ${escape(media)}</summary>${fields}</details>`;
  });
  return parts.length === 0 ? '' : `<h4>Answers</h4>${parts.join('')}`;
}

function problemsOf(route: Route): string {
  const links = errorsOf(route).map((code) => {
    const { status, title } = problemTable[code];
    return `<a href="/docs/errors#${code}" title="${escape(title)}">${status} ${code}</a>`;
  });
  return `<h4>Problems</h4><p class="codes">${links.join(' ')}</p>`;
}
