/**
 * Merges the Prometheus texts of several processes into one: every family's HELP and TYPE once,
 * its samples together, as the format demands.
 */

interface Family {
  readonly name: string;
  head: string[];
  readonly samples: string[];
}

const suffixes = /_(?:bucket|sum|count|total|created|info)$/;

/** The first text decides a family's HELP and TYPE. */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) addText(families, text);
  return [...families.values()]
    .map(({ head, samples }) => `${[...head, ...samples].join('\n')}\n`)
    .join('\n');
}

function addText(families: Map<string, Family>, text: string): void {
  // Heads seen in this text; they count only when the family has none yet.
  const heads = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line === '' || line === '# EOF') continue;
    const comment = /^# (?:HELP|TYPE) (\S+)/.exec(line);
    if (comment !== null) {
      const name = comment[1] ?? '';
      heads.set(name, [...(heads.get(name) ?? []), line]);
    } else if (!line.startsWith('#')) {
      const name = familyOf(line, heads);
      familyIn(families, name, heads).samples.push(line);
    }
  }
  // A family without a sample is still worth its HELP.
  for (const name of heads.keys()) familyIn(families, name, heads);
}

function familyIn(
  families: Map<string, Family>,
  name: string,
  heads: ReadonlyMap<string, string[]>,
): Family {
  let family = families.get(name);
  if (family === undefined) {
    family = { name, head: [], samples: [] };
    families.set(name, family);
  }
  if (family.head.length === 0) family.head = heads.get(name) ?? [];
  return family;
}

/** A histogram's samples carry suffixes that its family does not. */
function familyOf(line: string, heads: ReadonlyMap<string, string[]>): string {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? '';
  if (heads.has(name)) return name;
  const short = name.replace(suffixes, '');
  return heads.has(short) ? short : name;
}
