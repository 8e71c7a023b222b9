/** The page of problem codes, each at its anchor: where `type` of a problem points to. */
import { escape, htmlPage, prose } from './docs-html.ts';
import { docsStyle } from './docs-style.ts';
import { problemCodes, problemTable } from './problems.ts';

export function errorsPage(): string {
  const rows = problemCodes.map((code) => {
    const { status, title, meaning } = problemTable[code];
    return (
      `<tr id="${code}"><td><a href="#${code}"><code>${code}</code></a></td>` +
      `<td>${status}</td><td><b>${escape(title)}</b><br>${prose(meaning)}</td></tr>`
    );
  });
  const body =
    '<main><p><a href="/docs">All routes</a></p><h1>Problems</h1>' +
    `<p>${prose(intro)}</p>` +
    '<div class="scroll"><table><thead><tr><th>code</th><th>status</th><th>meaning</th></tr>' +
    `</thead><tbody>${rows.join('')}</tbody></table></div></main>`;
  return htmlPage({ title: 'Problems', style: docsStyle, body });
}

const intro =
  'Every refusal and every failure is `application/problem+json` with `type`, `title`, `status`, ' +
  '`detail`, `code` and `request_id`, and where it helps `param`, `errors[]` and ' +
  '`retry_after_ms` (with `Retry-After`). Branch on `code`; `detail` is for people and may ' +
  'change. A refusal had no effect and is not stored: the same command may be tried again.';
