import type { ContainerConfig, HealthConfig } from '#domain/container/config.ts';
import { mergeEnvironment } from '#domain/container/environment.ts';
import { parseSignal } from '#domain/container/signals.ts';
import type { Command, Healthcheck, Instruction, Named } from '#domain/dockerfile/instruction.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { misuse } from '#domain/dockerfile/source.ts';
import { BerthError } from '#base/errors.ts';
import { argumentValue, type BuildArguments } from './arguments.ts';
import { goHealthcheck, goStrings } from './history.ts';
import { resolveFrom } from './path.ts';
import { exposedPorts } from './ports.ts';
import { configOf, expanderFor, lookupIn, withConfig, type Expander, type StageState } from './state.ts';

/** An instruction that changes the image's configuration only. */
export type Metadata = Exclude<Instruction, { name: 'RUN' | 'COPY' | 'ADD' }>;

export interface Applied {
  state: StageState;
  /** What the history says of it: `CMD ["x"]`. */
  comment: string;
}

export function isMetadata(instruction: Instruction): instruction is Metadata {
  return instruction.name !== 'RUN' && instruction.name !== 'COPY' && instruction.name !== 'ADD';
}

/**
 * What an instruction makes of the configuration. WORKDIR also has to make its folder: that is the engine's.
 * @throws invalid `dockerfile-invalid` where a variable cannot be expanded or a value is wrong
 */
export function applyMetadata(
  file: Dockerfile,
  instruction: Metadata,
  state: StageState,
  given: BuildArguments,
): Applied {
  const expand = expanderFor(file, instruction, lookupIn(state));
  try {
    return apply(instruction, state, expand, given);
  } catch (error) {
    if (!(error instanceof BerthError) || error.code === 'dockerfile-invalid') throw error;
    throw misuse(file.source, instruction.at, error.message, { length: instruction.text.length });
  }
}

function apply(instruction: Metadata, state: StageState, expand: Expander, given: BuildArguments): Applied {
  switch (instruction.name) {
    case 'ARG':
      return applyArgs(instruction, state, expand, given);
    case 'ENV':
    case 'LABEL':
      return applyPairs(instruction, state, expand);
    case 'CMD':
    case 'ENTRYPOINT':
      return applyCommand(instruction, state);
    case 'EXPOSE':
    case 'VOLUME':
      return applyList(instruction, state, expand);
    case 'HEALTHCHECK':
      return applyHealthcheck(instruction, state);
    case 'SHELL':
      return set(state, { Shell: instruction.args }, `SHELL [${instruction.args.join(' ')}]`);
    case 'ONBUILD': {
      const triggers = [...(configOf(state).OnBuild ?? []), instruction.trigger];
      return set(state, { OnBuild: triggers }, `ONBUILD ${instruction.trigger}`);
    }
    default:
      return applyValue(instruction, state, expand);
  }
}

function set(state: StageState, changes: ContainerConfig, comment: string): Applied {
  return { state: withConfig(state, changes), comment };
}

function applyValue(
  instruction: Named<'WORKDIR' | 'USER' | 'STOPSIGNAL' | 'MAINTAINER'>,
  state: StageState,
  expand: Expander,
): Applied {
  const value = instruction.name === 'MAINTAINER' ? instruction.value : expand.one(instruction.value);
  switch (instruction.name) {
    case 'WORKDIR': {
      const folder = resolveFrom(configOf(state).WorkingDir ?? '/', value);
      return set(state, { WorkingDir: folder }, `WORKDIR ${folder}`);
    }
    case 'USER':
      return set(state, { User: value }, `USER ${value}`);
    case 'STOPSIGNAL':
      parseSignal(value);
      return set(state, { StopSignal: value }, `STOPSIGNAL ${value}`);
    case 'MAINTAINER':
      return {
        state: { ...state, config: { ...state.config, author: value } },
        comment: `MAINTAINER ${value}`,
      };
  }
}

function applyArgs(
  instruction: Named<'ARG'>,
  state: StageState,
  expand: Expander,
  given: BuildArguments,
): Applied {
  const args = { ...state.args };
  const words = instruction.args.map(({ name, value }) => {
    const standard = value === undefined ? undefined : expand.one(value);
    const chosen = argumentValue(given, name, standard);
    if (chosen !== undefined) args[name] = chosen;
    return standard === undefined ? name : `${name}=${standard}`;
  });
  return { state: { ...state, args }, comment: `ARG ${words.join(' ')}` };
}

// All values see the variables as they were before the instruction.
function applyPairs(instruction: Named<'ENV' | 'LABEL'>, state: StageState, expand: Expander): Applied {
  const pairs = instruction.pairs.map(({ name, value }) => [expand.one(name), expand.one(value)] as const);
  const words = pairs.map(([name, value]) => `${name}=${value}`);
  const comment = `${instruction.name} ${words.join(' ')}`;
  if (instruction.name === 'ENV')
    return set(state, { Env: mergeEnvironment(configOf(state).Env ?? [], words) }, comment);
  return set(state, { Labels: { ...configOf(state).Labels, ...Object.fromEntries(pairs) } }, comment);
}

/** The command as the container gets it; a shell form is handed to the stage's SHELL. */
export function commandLine(command: Command, config: ContainerConfig): string[] {
  if (command.form === 'exec') return command.args;
  return [...shellOf(config), command.text];
}

export function shellOf(config: ContainerConfig): string[] {
  return config.Shell ?? ['/bin/sh', '-c'];
}

function applyCommand(instruction: Named<'ENTRYPOINT' | 'CMD'>, state: StageState): Applied {
  const words = commandLine(instruction.command, configOf(state));
  const comment = `${instruction.name} ${goStrings(words)}`;
  const line = words.length === 0 ? null : words;
  if (instruction.name === 'CMD') return set({ ...state, cmdSet: true }, { Cmd: line }, comment);
  // An ENTRYPOINT makes a command that came with the base meaningless.
  return set(state, { Entrypoint: line, ...(state.cmdSet ? {} : { Cmd: null }) }, comment);
}

function applyList(instruction: Named<'EXPOSE' | 'VOLUME'>, state: StageState, expand: Expander): Applied {
  if (instruction.name === 'EXPOSE') {
    // Docker sorts what is written, before it knows the variables.
    const words = instruction.values.toSorted().flatMap((value) => expand.many(value));
    const ports = Object.fromEntries(exposedPorts(words).map((port) => [port, {}]));
    return set(
      state,
      { ExposedPorts: { ...configOf(state).ExposedPorts, ...ports } },
      `EXPOSE ${words.join(' ')}`,
    );
  }
  const paths = instruction.values.map((value) => expand.one(value));
  const volumes = Object.fromEntries(paths.map((path) => [path, {}]));
  return set(state, { Volumes: { ...configOf(state).Volumes, ...volumes } }, `VOLUME [${paths.join(' ')}]`);
}

function applyHealthcheck(instruction: Healthcheck, state: StageState): Applied {
  const check = healthConfig(instruction);
  return set(state, { Healthcheck: check }, `HEALTHCHECK ${goHealthcheck(check)}`);
}

function healthConfig({
  command,
  interval,
  timeout,
  startPeriod,
  startInterval,
  retries,
}: Healthcheck): HealthConfig {
  if (command === undefined) return { Test: ['NONE'] };
  const test = command.form === 'exec' ? ['CMD', ...command.args] : ['CMD-SHELL', command.text];
  return {
    Test: test,
    ...(interval ? { Interval: interval } : {}),
    ...(timeout ? { Timeout: timeout } : {}),
    ...(startPeriod ? { StartPeriod: startPeriod } : {}),
    ...(startInterval ? { StartInterval: startInterval } : {}),
    ...(retries ? { Retries: retries } : {}),
  };
}
