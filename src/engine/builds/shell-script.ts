import type { ContainerConfig } from '#domain/container/config.ts';
import type { Named } from '#domain/dockerfile/instruction.ts';
import { shellOf } from '#domain/build/metadata.ts';

/**
 * The command of a RUN with here-documents. A here-document alone is the script itself; else the shell
 * gets the command with its here-documents, and reads them as it does in any script.
 */
export function shellScript(run: Named<'RUN'>, config: ContainerConfig): string[] {
  const shell = shellOf(config);
  const text = run.command.form === 'shell' ? run.command.text : run.command.args.join(' ');
  const [only] = run.heredocs;
  if (only !== undefined && run.heredocs.length === 1 && /^\d*<<-?\S+$/.test(text.trim())) {
    const interpreter = /^#!(\S+)(?:[ \t]+(\S.*))?\n/.exec(only.content);
    if (interpreter === null) return [...shell, only.content];
    return withInterpreter(shell, only.content);
  }
  const bodies = run.heredocs.map(({ content, name }) => `${content}${name}\n`).join('');
  return [...shell, `${text}\n${bodies}`];
}

// A script with a `#!` line is run as a file, so that its interpreter is the one it names.
function withInterpreter(shell: string[], script: string): string[] {
  const quoted = `'${script.replaceAll("'", String.raw`'\''`)}'`;
  const run = `f=$(mktemp) && printf %s ${quoted} > "$f" && chmod +x "$f" && "$f"; s=$?; rm -f "$f"; exit $s`;
  return [...shell, run];
}
