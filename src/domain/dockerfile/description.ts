import type { Written } from './instruction.ts';

/**
 * What a comment right before an ARG or a FROM says of a name: `# NAME what it is` (BuildKit's build and
 * argument descriptions).
 */
export function describedAs({ comments = [] }: Pick<Written, 'comments'>, name: string): string | undefined {
  const line = comments.find((comment) => comment.startsWith(`${name} `));
  return line?.slice(name.length + 1);
}
