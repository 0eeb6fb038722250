import type { HostConfig } from '#domain/container/config.ts';
import { maskedPaths, readonlyPaths } from '#domain/container/spec.ts';

const defaultShmSize = 64 * 1024 * 1024;

/** The host configuration of a request with the defaults that Docker stores and shows. */
export function completeHostConfig(
  request: HostConfig,
  defaults: { cgroupVersion: 1 | 2; runtime: string },
): HostConfig {
  return {
    ...request,
    ...pathsOf(request),
    ...swapOf(request),
    MemorySwappiness: request.MemorySwappiness === -1 ? null : (request.MemorySwappiness ?? null),
    PidsLimit: (request.PidsLimit ?? 0) > 0 ? (request.PidsLimit ?? null) : null,
    NetworkMode: networkMode(request.NetworkMode),
    RestartPolicy: restartPolicy(request.RestartPolicy),
    LogConfig: { Type: request.LogConfig?.Type || 'json-file', Config: request.LogConfig?.Config ?? {} },
    IpcMode: request.IpcMode || 'private',
    CgroupnsMode: request.CgroupnsMode || (defaults.cgroupVersion === 2 ? 'private' : 'host'),
    ShmSize: request.ShmSize || defaultShmSize,
    Runtime: request.Runtime || defaults.runtime,
  };
}

function pathsOf(request: HostConfig): Pick<HostConfig, 'MaskedPaths' | 'ReadonlyPaths'> {
  if (request.Privileged === true) return { MaskedPaths: null, ReadonlyPaths: null };
  return {
    MaskedPaths: request.MaskedPaths ?? [...maskedPaths],
    ReadonlyPaths: request.ReadonlyPaths ?? [...readonlyPaths],
  };
}

function restartPolicy(policy: HostConfig['RestartPolicy']): NonNullable<HostConfig['RestartPolicy']> {
  return { Name: policy?.Name || 'no', MaximumRetryCount: policy?.MaximumRetryCount ?? 0 };
}

function networkMode(mode: string | undefined): string {
  return mode === undefined || mode === '' || mode === 'default' ? 'bridge' : mode;
}

// Docker stores the swap limit that it chose: as much swap as memory.
function swapOf(request: HostConfig): { MemorySwap?: number } {
  const memory = request.Memory ?? 0;
  return memory > 0 && (request.MemorySwap ?? 0) === 0 ? { MemorySwap: memory * 2 } : {};
}
