/** Small pieces of HTML for the docs pages; everything that goes in is escaped. */

export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Escaped, with `code` marked as such. */
export function prose(text: string): string {
  return escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const th = head.map((cell) => `<th>${cell}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`);
  return (
    `<div class="scroll"><table><thead><tr>${th}</tr></thead>` +
    `<tbody>${body.join('')}</tbody></table></div>`
  );
}

export interface PageParts {
  readonly title: string;
  readonly style: string;
  readonly body: string;
  readonly script?: string;
}

export function htmlPage({ title, style, body, script }: PageParts): string {
  const code = script === undefined ? '' : `<script>${script}</script>`;
  return (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    `<title>${escape(title)}</title><style>${style}</style></head>` +
    `<body>${body}${code}</body></html>\n`
  );
}
