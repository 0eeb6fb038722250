import type { Heredoc } from '#domain/dockerfile/heredoc.ts';
import type { Command, Copy, Healthcheck, Instruction, Named } from '#domain/dockerfile/instruction.ts';
import { MountError } from '#domain/dockerfile/mount-options.ts';
import { readMount } from '#domain/dockerfile/mount.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { describedAs } from '#domain/dockerfile/description.ts';

/** A file in the words of oracle/parse.go. */
export function parsed(file: Dockerfile): unknown {
  return {
    escape: file.directives.escape,
    globals: file.globals.map(argsOf),
    stages: file.stages.map(({ from, instructions }) => ({
      ...{ as: from.as ?? '', image: from.image, platform: from.platform ?? '', line: from.at.line },
      commands: instructions.map((each) => ({ name: each.name, line: each.at.line, ...describe(each) })),
    })),
  };
}

function argsOf(instruction: Named<'ARG'>): unknown {
  return instruction.args.map(({ name, value = null }) => [
    name,
    value,
    describedAs(instruction, name) ?? '',
  ]);
}

function describe(instruction: Instruction): object {
  switch (instruction.name) {
    case 'ARG':
      return { args: argsOf(instruction) };
    case 'ENV':
    case 'LABEL':
      return {
        pairs: instruction.pairs.map(({ name, value }) => [name, value]),
        legacy: instruction.legacy ?? false,
      };
    case 'RUN':
      return run(instruction);
    case 'COPY':
    case 'ADD':
      return files(instruction);
    case 'EXPOSE':
      return { values: instruction.values.toSorted() };
    case 'VOLUME':
      return { values: instruction.values };
    case 'SHELL':
      return { args: instruction.args };
    case 'CMD':
    case 'ENTRYPOINT':
      return { command: line(instruction.command) };
    case 'ONBUILD':
      return { trigger: instruction.trigger };
    case 'HEALTHCHECK':
      return healthcheck(instruction);
    default:
      return { value: instruction.value };
  }
}

function line(command: Command): object {
  return command.form === 'exec' ? { exec: command.args } : { shell: command.text };
}

function run({ command, heredocs, network, security, mounts }: Named<'RUN'>): object {
  return {
    ...{ command: line(command), network, security },
    heredocs: heredocs.map(({ name, content }) => [name, content]),
    mounts: readMounts(mounts.map(({ text }) => text)),
  };
}

function readMounts(texts: string[]): unknown {
  try {
    return texts.map((text) => {
      const mount = readMount(text, (value) => value);
      switch (mount.type) {
        case 'bind':
        case 'cache':
          return { from: '', ...mount };
        case 'tmpfs':
          return { size: 0, ...mount };
        case 'secret':
          return { target: '', env: null, ...mount };
        case 'ssh':
          return { target: '', ...mount };
      }
    });
  } catch (error) {
    if (error instanceof MountError) return 'refused';
    throw error;
  }
}

function files(copy: Copy): object {
  const { name, from = '', checksum = '', parents, keepGitDir = null, unpack = null } = copy;
  const isText = (source: string | Heredoc): source is Heredoc => typeof source !== 'string';
  return {
    sources: copy.sources.filter((source) => !isText(source)),
    texts: copy.sources.filter(isText).map((text) => [text.name, text.content, text.expand]),
    ...{ destination: copy.destination, chown: copy.chown ?? '', chmod: copy.chmod ?? '' },
    ...{ link: copy.link, exclude: copy.exclude },
    ...(name === 'COPY' ? { from, parents } : { checksum, keepGitDir, unpack }),
  };
}

function healthcheck(check: Healthcheck): object {
  const { command, interval = 0, timeout = 0, startPeriod = 0, startInterval = 0, retries = 0 } = check;
  const test =
    command === undefined
      ? ['NONE']
      : command.form === 'exec'
        ? ['CMD', ...command.args]
        : ['CMD-SHELL', command.text];
  return { test, interval, timeout, startPeriod, startInterval, retries };
}
