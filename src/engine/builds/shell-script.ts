import type { ContainerConfig } from '#domain/container/config.ts';
import type { Named } from '#domain/dockerfile/instruction.ts';
import type { Heredoc } from '#domain/dockerfile/heredoc.ts';
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
    const [, interpreter] = /^#!\s*(\S.*?)\s*\n/.exec(only.content) ?? [];
    if (interpreter === undefined) return [...shell, only.content];
    return withInterpreter(shell, interpreter, only);
  }
  const bodies = run.heredocs.map(({ content, name }) => `${content}${name}\n`).join('');
  return [...shell, `${text}\n${bodies}`];
}

// A script with a `#!` line is read by the interpreter that it names. Through a descriptor, so that neither
// a file gets into the image nor the image needs tools to make one.
function withInterpreter(shell: string[], interpreter: string, { name, content }: Heredoc): string[] {
  return [...shell, `exec ${interpreter} /dev/fd/3 3<<'${name}'\n${content}${name}\n`];
}
