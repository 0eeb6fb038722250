import { readCompose, type ComposeInput, type ComposeResult } from '#domain/compose/compose.ts';
import type { SchemaCheck } from '#domain/compose/schema-problems.ts';
import type { ProjectFiles } from '#ports/project-files.ts';

/** Reads a project's compose files and all that they include, extend and name. @throws as ProjectFiles.readText */
export async function readComposeFiles(
  files: ProjectFiles,
  input: ComposeInput,
  check: SchemaCheck,
): Promise<ComposeResult> {
  const known = new Map<string, string | null>();
  for (;;) {
    const result = readCompose(input, known, check);
    if (result.wanted.length === 0) return result;
    await Promise.all(
      result.wanted.map(async (path) => known.set(path, (await files.readText(path)) ?? null)),
    );
  }
}
