import { type BerthError, invalid } from '#base/errors.ts';

/** What a runtime was doing when it failed, in Docker's words. */
const actions = {
  create:
    'failed to create task for container: failed to create shim task: OCI runtime create failed: unable to start container process',
  exec: 'OCI runtime exec failed: exec failed: unable to start container process',
} as const;

/**
 * Turns a runtime's words into an error with Docker's, because clients derive the exit codes 127 and 126 from them.
 * @param executable the first argument of the process
 */
export function runtimeFailure(
  action: keyof typeof actions,
  executable: string,
  message: string,
): BerthError {
  const found = classify(executable, withoutPrefixes(message.trim()));
  return invalid(found.code, `${actions[action]}: ${found.reason}: unknown`);
}

const mismatched =
  'Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type';

/** runc says by itself what Docker's engine says again. */
function withoutPrefixes(message: string): string {
  return message.replace(/^(runc create failed: |exec failed: |unable to start container process: )+/, '');
}

function classify(executable: string, message: string): { code: string; reason: string } {
  const quoted = JSON.stringify(executable);
  const folder = /chdir `(.*)`: No such file/.exec(message)?.[1];
  if (folder !== undefined)
    return {
      code: 'working-dir-missing',
      reason: `chdir to cwd (${JSON.stringify(folder)}) set in config.json failed: no such file or directory`,
    };
  if (
    executable === '' ||
    /executable file (.* )?not found in \$PATH/.test(message) ||
    /exec.*: (stat .*: )?no such file/i.test(message)
  ) {
    const reason = executable.includes('/')
      ? `exec: ${quoted}: stat ${executable}: no such file or directory`
      : `exec: ${quoted}: executable file not found in $PATH`;
    return { code: 'executable-not-found', reason };
  }
  if (/open executable|exec.*: (permission denied|operation not permitted|is a directory)/i.test(message))
    return { code: 'executable-not-permitted', reason: `exec: ${quoted}: permission denied` };
  // As a file that is to be mounted on a folder, or the other way round.
  if (/^mount .*: not a directory$/i.test(message))
    return { code: 'runtime-create-failed', reason: `${message}: unknown: ${mismatched}` };
  return { code: 'runtime-create-failed', reason: message === '' ? 'the runtime gave no reason' : message };
}
