/** The written pages as data: their links, what stands in code, their headings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export interface Page {
  /** From the root: `docs/errors.md`. */
  readonly path: string;
  readonly text: string;
}

/** Code of a page, inline or fenced, with its line. */
export interface Code {
  readonly text: string;
  readonly line: number;
  readonly fenced: boolean;
}

const skipped = new Set(['node_modules', 'dist', '.git', '.highnoon', 'coverage']);

/** Every file of the clone that is ours, from the root. */
export function allFiles(folder = root): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : allFiles(full);
    return [relative(root, full)];
  });
}

/** README, CONTRIBUTING, CHANGELOG, every page of docs/, and the READMEs of folders. */
export function pages(): Page[] {
  return allFiles()
    .filter((path) => path.endsWith('.md'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

export const exists = (path: string): boolean => existsSync(join(root, path));

const fence = /^ {0,3}(```|~~~)/;

/** Lines that are not inside a fence, with their numbers from 1. */
function split(text: string): { prose: [number, string][]; fences: [number, string][] } {
  const prose: [number, string][] = [];
  const fences: [number, string][] = [];
  let inside = false;
  for (const [i, line] of text.split('\n').entries()) {
    if (fence.test(line)) inside = !inside;
    else (inside ? fences : prose).push([i + 1, line]);
  }
  return { prose, fences };
}

export function codeOf(text: string): Code[] {
  const { prose, fences } = split(text);
  const inline = prose.flatMap(([line, content]) =>
    [...content.matchAll(/`([^`]+)`/g)].map(([, code = '']) => ({
      text: code,
      line,
      fenced: false,
    })),
  );
  return [...inline, ...fences.map(([line, content]) => ({ text: content, line, fenced: true }))];
}

/** Targets of links and pictures, of markdown and of HTML. */
export function linksOf(text: string): { target: string; line: number }[] {
  return split(text).prose.flatMap(([line, content]) => {
    const plain = content.replaceAll(/`[^`]*`/g, '');
    const markdown = [...plain.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
    const html = [...plain.matchAll(/\b(?:href|src|srcset)="([^"]+)"/g)];
    return [...markdown, ...html].map(([, target = '']) => ({ target, line }));
  });
}

/** Anchors as GitHub makes them from headings, and those set by hand. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)"/g)].map(([, id = '']) => id));
  for (const [, line] of split(text).prose) {
    const heading = /^#{1,6} +(.*?)\s*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-');
    let name = slug;
    for (let again = 1; anchors.has(name); again++) name = `${slug}-${again}`;
    anchors.add(name);
  }
  return anchors;
}
