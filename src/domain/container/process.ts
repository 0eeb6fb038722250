import { capabilitySets, effectiveCapabilities } from '#domain/container/capabilities.ts';
import type { Container } from '#domain/container/container.ts';
import { mergeEnvironment, processEnvironment } from '#domain/container/environment.ts';
import { initInContainer, usesInit } from '#domain/container/mounts.ts';
import { processLimits } from '#domain/container/resources.ts';
import type { ProcessSpec } from '#domain/container/runtime-spec.ts';
import { parseSecurityOptions } from '#domain/container/security.ts';
import type { HostFacts, SpecInput } from '#domain/container/spec-input.ts';
import type { ResolvedUser } from '#domain/container/user.ts';

/** The container's main process. */
export function mainProcess(input: SpecInput): ProcessSpec {
  const { container, user, host } = input;
  const { config, hostConfig } = container;
  const command = [container.path, ...container.args];
  const adjust = hostConfig.OomScoreAdj ?? 0;
  return {
    ...common(container, user, host, config.Tty === true, hostConfig.Privileged === true),
    ...size(config.Tty === true, hostConfig.ConsoleSize),
    cwd: config.WorkingDir || '/',
    env: mergeEnvironment(environment(input, config.Tty === true), input.cdi?.env ?? []),
    args: usesInit(input) && input.initPath !== undefined ? [initInContainer, '--', ...command] : command,
    oomScoreAdj: adjust,
  };
}

export interface ExecInput {
  container: Container;
  user: ResolvedUser;
  /** As SpecInput.linked. */
  linked?: string[];
  host: HostFacts;
  args: string[];
  tty: boolean;
  privileged: boolean;
  /** `NAME=value`; replaces the container's. */
  env: string[];
  /** '' takes the container's. */
  cwd: string;
  consoleSize?: [number, number] | null;
}

/** Another process in the container, as `docker exec` asks for it. */
export function execProcess(input: ExecInput): ProcessSpec {
  const { container, user, host, tty } = input;
  const privileged = input.privileged || container.hostConfig.Privileged === true;
  return {
    ...common(container, user, host, tty, privileged),
    ...size(tty, input.consoleSize),
    cwd: input.cwd || container.config.WorkingDir || '/',
    env: mergeEnvironment(environment(input, tty), input.env),
    args: input.args,
  };
}

type Common = Omit<ProcessSpec, 'cwd' | 'env' | 'args'>;

function common(
  { hostConfig }: Container,
  user: ResolvedUser,
  host: HostFacts,
  tty: boolean,
  privileged: boolean,
): Common {
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const names = effectiveCapabilities({ ...hostConfig, Privileged: privileged }, host.capabilities);
  const limits = processLimits(hostConfig, host);
  return {
    terminal: tty,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    capabilities: capabilitySets(names),
    noNewPrivileges: security.noNewPrivileges,
    ...(limits.length > 0 ? { rlimits: limits } : {}),
    ...(host.apparmor && security.apparmor !== undefined ? { apparmorProfile: security.apparmor } : {}),
  };
}

function environment(
  { container: { config }, user, linked = [] }: Pick<SpecInput, 'container' | 'user' | 'linked'>,
  tty: boolean,
): string[] {
  const hostname = config.Hostname ?? '';
  return processEnvironment({ env: config.Env ?? [], linked, hostname, tty, home: user.home });
}

function size(tty: boolean, given: [number, number] | null | undefined): Pick<ProcessSpec, 'consoleSize'> {
  const [height = 0, width = 0] = given ?? [];
  return tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {};
}
