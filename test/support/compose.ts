import { readCompose, type ComposeInput, type ComposeResult } from '#domain/compose/compose.ts';
import { schemaCheck } from '#domain/compose/schema-problems.ts';

const check = schemaCheck();

/** Reads a project that is said to lie in /project: its texts by name, `compose.yaml` unless `given` names others. */
export function readProject(
  texts: Readonly<Record<string, string>>,
  given: Partial<ComposeInput> = {},
): ComposeResult {
  const input = { folder: '/project', files: ['compose.yaml'], environment: {}, ...given };
  const known = new Map<string, string | null>();
  for (;;) {
    const result = readCompose(input, known, check);
    if (result.wanted.length === 0) return result;
    for (const path of result.wanted) {
      const name = path.startsWith(`${input.folder}/`) ? path.slice(input.folder.length + 1) : path;
      known.set(path, Object.hasOwn(texts, name) ? (texts[name] ?? null) : null);
    }
  }
}
