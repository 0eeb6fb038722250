import { invalid } from '#base/errors.ts';

/** An agent that a build may use. */
export interface SshOption {
  /** `default` where the Dockerfile names none. */
  id: string;
  /** Of an agent's socket, or of files with keys; empty: the agent of who asks for the build. */
  paths: string[];
}

/**
 * `default`, `ID` or `ID=PATH[,PATH...]`, as in `--ssh` of docker build and in `build.ssh` of compose files.
 * @throws invalid `ssh-option-invalid`
 */
export function parseSsh(text: string): SshOption {
  const [, id = '', paths] = /^([^=,\s]+)(?:=(.*))?$/s.exec(text.trim()) ?? [];
  const listed = paths?.split(',').map((path) => path.trim()) ?? [];
  if (id === '' || listed.includes(''))
    throw invalid('ssh-option-invalid', `invalid SSH agent '${text}'`, {
      hint: 'write default, ID or ID=SOCKET, ID=KEY[,KEY]',
    });
  return { id, paths: listed };
}
