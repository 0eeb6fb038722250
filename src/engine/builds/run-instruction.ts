import { proxyArguments } from '#domain/build/arguments.ts';
import { runComment } from '#domain/build/history.ts';
import { commandLine } from '#domain/build/metadata.ts';
import { mountsOf } from '#domain/build/mounts.ts';
import { configOf, expanderFor, lookupIn, type StageState } from '#domain/build/state.ts';
import type { ContainerConfig, HostConfig } from '#domain/container/config.ts';
import type { Named } from '#domain/dockerfile/instruction.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import type { BuildRun } from '#engine/builds/build-run.ts';
import { stepFailed } from '#engine/builds/failures.ts';
import { machinePlatform } from '#engine/builds/image-sources.ts';
import { sayRemoved } from '#engine/builds/output.ts';
import { runStep, type StepRequest } from '#engine/builds/run-step.ts';
import type { Vertex } from '#engine/builds/vertices.ts';
import { shellScript } from '#engine/builds/shell-script.ts';
import { findMounts, mountKeys, withMounts } from '#engine/builds/step-mounts.ts';
import type { Standing, Step } from '#engine/builds/step.ts';
import { forbidden } from '#base/errors.ts';
import { own } from '#base/own.ts';

/** What a RUN does. @throws invalid `dockerfile-invalid`; forbidden `entitlement-missing` */
export async function prepareRun(
  { run, stage, state, sink, key }: Standing,
  instruction: Named<'RUN'>,
  file: Dockerfile,
): Promise<Step> {
  const config = configOf(state);
  const hostConfig = hostConfigOf(run, instruction);
  const expand = expanderFor(file, instruction, lookupIn(state));
  const mounts = mountsOf(file, instruction, expand, config.WorkingDir ?? '');
  const found = await findMounts(run, mounts, instruction, stage, sink);
  const command =
    instruction.heredocs.length === 0
      ? commandLine(instruction.command, config)
      : shellScript(instruction, config);
  const args = argumentsInScope(state);
  const isolation = instruction.security === 'insecure' ? ['insecure'] : [];
  const around = surroundings(run, instruction);
  return {
    state,
    comment: runComment(command, args),
    keys: [
      key([
        'run',
        instruction.network,
        ...isolation,
        ...around,
        ...command,
        '',
        ...args,
        ...(await mountKeys(run, found)),
      ]),
    ],
    work: {
      by: 'container',
      do: (root, id) =>
        withMounts(run, id, found, async (opened) => {
          const { parts, exits, signal } = run;
          const log = logOf(run.vertices.of(instruction));
          const named = hostnameOf(run);
          const step = { id, root, command, hostConfig, mounts: opened, sink, log, signal, ...named };
          const withArguments = withEnvironment(run, config, [...args, ...opened.env]);
          const code = await runStep(parts, exits, { ...step, config: withArguments });
          if (code !== 0) throw stepFailed(command, code, foreignNote(run, state));
          await sayRemoved(sink, id);
        }),
    },
  };
}

/** The name that the client gives, if any. What is to be reproduced must not see one that is another one each time. */
function hostnameOf(run: BuildRun): { hostname?: string } {
  const given = own(run.arguments.given, 'BUILDKIT_SANDBOX_HOSTNAME') ?? '';
  if (given !== '') return { hostname: given };
  return run.request.sourceDateEpoch === undefined ? {} : { hostname: 'buildkitsandbox' };
}

/** What the client says of all commands, where they can see it: another step of the cache then, as with BuildKit. */
function surroundings(run: BuildRun, { network }: Named<'RUN'>): string[] {
  const { networkMode = 'default', extraHosts = [], resources = {} } = run.request;
  const { Ulimits, ShmSize = 0 } = resources;
  const { hostname } = hostnameOf(run);
  return [
    ...(network === 'default' && networkMode !== 'default' ? [`network ${networkMode}`] : []),
    ...[...extraHosts].sort().map((each) => `host ${each}`),
    ...(Ulimits ?? []).map(({ Name, Soft, Hard }) => `ulimit ${Name} ${Soft} ${Hard}`).sort(),
    ...(ShmSize === 0 ? [] : [`shm ${ShmSize}`]),
    ...(hostname === undefined ? [] : [`hostname ${hostname}`]),
  ];
}

/** Why a command may not run at all: the kernel says of another architecture's no more than that it failed. */
function foreignNote({ parts }: BuildRun, { config }: StageState): string {
  const machine = machinePlatform(parts);
  const platform = `${config.os}/${config.architecture}`;
  if (platform === machine) return '';
  return `\nthe image is for ${platform} and this machine is ${machine}: RUN needs an emulator that the kernel knows by binfmt_misc (Debian's qemu-user-static)`;
}

function logOf(vertex: Vertex | undefined): StepRequest['log'] {
  return async (stream, data) => vertex?.log(stream, data);
}

/** The ARGs that no ENV hides: `name=value`, in order. */
function argumentsInScope(state: StageState): string[] {
  const env = new Set((configOf(state).Env ?? []).map((entry) => entry.slice(0, entry.indexOf('='))));
  return Object.entries(state.args)
    .filter(([name]) => !env.has(name))
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

function withEnvironment(run: BuildRun, config: ContainerConfig, more: string[]): ContainerConfig {
  return {
    ...config,
    Env: [...(config.Env ?? []), ...more, ...proxyArguments(run.arguments.given)],
  };
}

function hostConfigOf(run: BuildRun, { network, security }: Named<'RUN'>): HostConfig {
  const { allow } = run.request;
  // Who says nothing of entitlements is the classic builder, which knows no other limit than this.
  if (network === 'host' && allow?.includes('network.host') === false) throw notAllowed('network.host');
  if (security !== 'insecure') return run.hostConfig(network);
  if (allow?.includes('security.insecure') !== true) throw notAllowed('security.insecure');
  return { ...run.hostConfig(network), Privileged: true };
}

function notAllowed(entitlement: string): Error {
  return forbidden('entitlement-missing', `${entitlement} is not allowed`, {
    hint: `a client grants it: docker buildx build --allow ${entitlement}`,
  });
}
