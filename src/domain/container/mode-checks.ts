import { cdiNames } from '#domain/container/cdi-names.ts';
import type { HostConfig } from '#domain/container/config.ts';
import { invalid, unsupported } from '#base/errors.ts';

const sharing = /^container:.+$/;

/**
 * Refuses by name what Berth cannot do, and modes that do not exist, so that nothing is silently ignored.
 * @param runtimes the OCI runtimes that there are
 * @throws invalid `mode-invalid`, `runtime-unknown`; unsupported `option-unsupported`
 */
export function checkModes(host: HostConfig, runtimes: readonly string[]): void {
  const modes: [string, string | undefined, string[], boolean][] = [
    ['IPC', host.IpcMode, ['none', 'private', 'shareable', 'host'], true],
    ['PID', host.PidMode, ['host', 'private'], true],
    ['UTS', host.UTSMode, ['host', 'private'], false],
    ['cgroup namespace', host.CgroupnsMode, ['host', 'private'], false],
    ['user namespace', host.UsernsMode, ['host'], false],
  ];
  for (const [name, mode = '', known, mayShare] of modes)
    if (mode !== '' && !known.includes(mode) && !(mayShare && sharing.test(mode)))
      throw invalid('mode-invalid', `invalid ${name} mode: ${mode}`, {
        hint: `use one of ${known.join(', ')}`,
      });
  if (host.Isolation && host.Isolation !== 'default')
    throw invalid('mode-invalid', `invalid isolation (${host.Isolation}): linux only supports 'default'`);
  if (host.Runtime && !runtimes.includes(host.Runtime))
    throw invalid('runtime-unknown', `unknown or invalid runtime name: ${host.Runtime}`, {
      hint: `There are ${runtimes.join(' and ')}.`,
    });
  refuseUnsupported(host);
}

/**
 * What a container with remapped ids cannot have, in Docker's words.
 * @throws invalid `user-namespace-conflict`
 */
export function checkRemapped(host: HostConfig): void {
  if (host.UsernsMode === 'host') return;
  const conflicts: [boolean, string][] = [
    [
      host.Privileged === true,
      'privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode',
    ],
    [
      host.NetworkMode === 'host',
      "cannot share the host's network namespace when user namespaces are enabled",
    ],
    [host.PidMode === 'host', 'cannot share the host PID namespace when user namespaces are enabled'],
    // Docker lets it fail later: message queues of another owner cannot be mounted.
    [host.IpcMode === 'host', "cannot share the host's IPC namespace when user namespaces are enabled"],
  ];
  for (const [applies, message] of conflicts)
    if (applies)
      throw invalid('user-namespace-conflict', message, {
        hint: 'the daemon remaps ids (userns-remap); --userns=host leaves a container out of that',
      });
}

function refuseUnsupported(host: HostConfig): void {
  cdiNames(host.DeviceRequests);
  const [option] = Object.keys(host.StorageOpt ?? {});
  if (option !== undefined)
    throw unsupported(
      'option-unsupported',
      `the storage option '${option}' (--storage-opt) is not supported`,
    );
  if (host.Cgroup)
    throw unsupported(
      'option-unsupported',
      `the field HostConfig.Cgroup ('${host.Cgroup}') is not supported`,
    );
}
