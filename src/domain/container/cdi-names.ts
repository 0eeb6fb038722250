import { invalid } from '#base/errors.ts';
import type { HostConfig } from '#domain/container/config.ts';

/** The kind under which NVIDIA's toolkit describes GPUs. */
const gpuKind = 'nvidia.com/gpu';

/**
 * The CDI devices that HostConfig.DeviceRequests names: those of the driver `cdi` as they are, GPUs (`--gpus`) as
 * NVIDIA names them.
 * @throws invalid `device-driver-missing` with Docker's words for anything else
 */
export function cdiNames(requests: HostConfig['DeviceRequests']): string[] {
  return (requests ?? []).flatMap((request) => {
    const driver = typeof request['Driver'] === 'string' ? request['Driver'] : '';
    const ids = textsOf(request['DeviceIDs']);
    if (driver === 'cdi') return ids;
    const capabilities = request['Capabilities'] ?? [];
    const isGpu = Array.isArray(capabilities) && capabilities.some((set) => textsOf(set).includes('gpu'));
    if (!isGpu || (driver !== '' && driver !== 'nvidia'))
      throw invalid(
        'device-driver-missing',
        `could not select device driver "${driver}" with capabilities: ${JSON.stringify(capabilities)}`,
      );
    if (ids.length > 0) return ids.map((id) => `${gpuKind}=${id}`);
    const count = typeof request['Count'] === 'number' ? request['Count'] : -1;
    return count < 0
      ? [`${gpuKind}=all`]
      : Array.from({ length: count }, (_, index) => `${gpuKind}=${index}`);
  });
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
