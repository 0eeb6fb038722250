import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './docker.ts';

// Dockerfiles over the whole language, in test/golden/builds: a folder each, see the README there.

const root = join(import.meta.dirname, '..', 'golden', 'builds');

export interface BuildCase {
  name: string;
  dockerfile: string;
  /** A script of `sh` that fills the folder of the context. */
  context?: string;
  /** The Dockerfile of what `FROM parent` means. */
  parent?: string;
  arguments: Readonly<Record<string, string>>;
  /** By id. */
  secrets: Readonly<Record<string, string>>;
  /** Why buildah makes something else of it, or nothing. */
  buildah?: string;
}

type Options = Pick<Partial<BuildCase>, 'arguments' | 'secrets' | 'buildah'>;

export function buildCases(): BuildCase[] {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const parse: (text: string) => Options = JSON.parse;
  return folders.map(({ name }) => {
    const read = (file: string): string | undefined => {
      const path = join(root, name, file);
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    };
    const context = read('context.sh');
    const parent = read('parent.Dockerfile');
    return {
      ...{ name, dockerfile: read('Dockerfile') ?? '', arguments: {}, secrets: {} },
      ...(context !== undefined && { context }),
      ...(parent !== undefined && { parent }),
      ...parse(read('options.json') ?? '{}'),
    };
  });
}

/** Whether the image is made from nothing, so that `busybox` is not below it. */
export function fromScratch({ dockerfile }: BuildCase): boolean {
  const [last = ''] = dockerfile.split(/^FROM /m).slice(-1);
  return /^(scratch|joined)\n/.test(last);
}

/** Makes the context with its Dockerfile; gives the folder. */
export async function contextOf(each: BuildCase, below: string): Promise<string> {
  const folder = await mkdtemp(join(below, 'context-'));
  const { code, stderr } = await run('sh', ['-e', '-c', `umask 022\n${each.context ?? ''}`], { cwd: folder });
  if (code !== 0) throw new Error(`the context of ${each.name} was not made: ${stderr}`);
  await writeFile(join(folder, 'Dockerfile'), each.dockerfile);
  if (each.parent !== undefined) await writeFile(join(folder, 'parent.Dockerfile'), each.parent);
  return folder;
}

/** The lines that its image must come to: of the config, and after an empty one what differs from the tree of `busybox`. */
export async function keptResult(each: BuildCase): Promise<string> {
  return readFile(join(root, each.name, 'result.txt'), 'utf8');
}

export async function keepResult(each: BuildCase, result: string): Promise<void> {
  await writeFile(join(root, each.name, 'result.txt'), result);
}

export function resultOf(config: readonly string[], tree: readonly string[]): string {
  return `${[...config, '', ...tree].join('\n')}\n`;
}
