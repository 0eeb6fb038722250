import { type BerthError, invalid } from '#base/errors.ts';

/** What a runtime was doing when it failed, in Docker's words. */
const actions = {
  create:
    'failed to create task for container: failed to create shim task: OCI runtime create failed: unable to start container process',
  exec: 'OCI runtime exec failed: exec failed: unable to start container process',
} as const;

/**
 * Turns crun's words into an error with Docker's, because clients derive the exit codes 127 and 126 from them.
 * @param executable the first argument of the process
 */
export function runtimeFailure(
  action: keyof typeof actions,
  executable: string,
  message: string,
): BerthError {
  const found = classify(executable, message.trim());
  return invalid(found.code, `${actions[action]}: ${found.reason}: unknown`);
}

function classify(executable: string, message: string): { code: string; reason: string } {
  const quoted = JSON.stringify(executable);
  if (/executable file .* not found in \$PATH/.test(message) || /exec.*: No such file/.test(message)) {
    const reason = executable.includes('/')
      ? `exec: ${quoted}: stat ${executable}: no such file or directory`
      : `exec: ${quoted}: executable file not found in $PATH`;
    return { code: 'executable-not-found', reason };
  }
  if (/open executable|exec.*: (Permission denied|Operation not permitted|Is a directory)/.test(message))
    return { code: 'executable-not-permitted', reason: `exec: ${quoted}: permission denied` };
  return { code: 'runtime-create-failed', reason: message === '' ? 'the runtime gave no reason' : message };
}
