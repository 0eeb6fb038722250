import type { ContainerConfig, HealthConfig } from '#domain/container/config.ts';

/**
 * Fills what a request leaves out from the image's config, as Docker does (moby, daemon/commit.go, merge):
 * the image's command counts only when the request gives neither command nor entrypoint.
 */
export function mergeConfig(request: ContainerConfig, image: ContainerConfig): ContainerConfig {
  const merged: ContainerConfig = {
    ...request,
    User: request.User || image.User || '',
    ExposedPorts: { ...image.ExposedPorts, ...request.ExposedPorts },
    Volumes: { ...image.Volumes, ...request.Volumes },
    Labels: { ...image.Labels, ...request.Labels },
    Env: mergeEnv(request.Env ?? [], image.Env ?? []),
    WorkingDir: request.WorkingDir || image.WorkingDir || '',
    ...mergeCommand(request, image),
  };
  const stopSignal = request.StopSignal || image.StopSignal;
  if (stopSignal) merged.StopSignal = stopSignal;
  const shell = request.Shell?.length ? request.Shell : image.Shell;
  if (shell?.length) merged.Shell = shell;
  const health = mergeHealth(request.Healthcheck, image.Healthcheck);
  if (health === undefined) delete merged.Healthcheck;
  else merged.Healthcheck = health;
  return merged;
}

function mergeCommand(
  request: ContainerConfig,
  image: ContainerConfig,
): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> {
  const asked = request.Entrypoint ?? [];
  const cleared = asked.length === 1 && asked[0] === '';
  if (cleared) return { Entrypoint: null, Cmd: request.Cmd ?? null };
  if (asked.length > 0) return { Entrypoint: asked, Cmd: request.Cmd ?? null };
  const cmd = request.Cmd?.length ? request.Cmd : (image.Cmd ?? null);
  return { Entrypoint: request.Entrypoint ?? image.Entrypoint ?? null, Cmd: cmd };
}

function mergeEnv(request: string[], image: string[]): string[] {
  const set = new Set(request.map(variable));
  return [...request, ...image.filter((entry) => !set.has(variable(entry)))];
}

function variable(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

function mergeHealth(
  request: HealthConfig | undefined,
  image: HealthConfig | undefined,
): HealthConfig | undefined {
  if (request === undefined) return image;
  if (image === undefined) return request;
  const merged: HealthConfig = { ...image };
  if (request.Test?.length) merged.Test = request.Test;
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const)
    if (request[key]) merged[key] = request[key];
  return merged;
}

/** Executable and arguments of a merged config; undefined when it has none. */
export function commandOf(config: ContainerConfig): { path: string; args: string[] } | undefined {
  const [path, ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return path === undefined ? undefined : { path, args };
}
