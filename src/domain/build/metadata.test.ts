import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig } from '#domain/container/config.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import type { BuildArguments } from './arguments.ts';
import { nopComment, runComment } from './history.ts';
import { applyMetadata, isMetadata } from './metadata.ts';
import { configOf, type StageState } from './state.ts';

interface Outcome {
  config: ContainerConfig;
  args: Record<string, string>;
  comments: string[];
}

/** Applies the instructions to a base with this configuration. */
function apply(lines: string, base: ContainerConfig = {}, given: Partial<BuildArguments> = {}): Outcome {
  const file = parseDockerfile(`FROM x\n${lines}\n`);
  let state: StageState = {
    config: { os: 'linux', architecture: 'amd64', config: base, rootfs: { type: 'layers', diff_ids: [] } },
    args: {},
    cmdSet: false,
  };
  const comments: string[] = [];
  for (const instruction of file.stages[0]?.instructions ?? []) {
    assert.ok(isMetadata(instruction));
    const applied = applyMetadata(file, instruction, state, { given: {}, globals: {}, ...given });
    state = applied.state;
    comments.push(applied.comment);
  }
  return { config: configOf(state), args: state.args, comments };
}

test('ENV replaces in place, and its values see the variables as they were before', () => {
  const { config } = apply('ENV A=new B=$A\nENV C=$A', { Env: ['A=old', 'Z=1'] });
  assert.deepEqual(config.Env, ['A=new', 'Z=1', 'B=old', 'C=new']);
});

test('an ARG takes the given value, then its default, then the global one; ENV goes before it', () => {
  const given = { given: { G: 'given' }, globals: { H: 'global', I: 'global' } };
  const { args, config } = apply('ARG G=own H I=own J\nENV E=$G$H$I\nENV G=env\nENV F=$G', {}, given);
  assert.deepEqual(args, { G: 'given', H: 'global', I: 'own' });
  assert.deepEqual(config.Env, ['E=givenglobalown', 'G=env', 'F=env']);
});

test('an ENTRYPOINT resets the command of the base, but not one of its own stage', () => {
  const base = { Cmd: ['base'] };
  assert.equal(apply('ENTRYPOINT ["e"]', base).config.Cmd, null);
  assert.deepEqual(apply('CMD ["c"]\nENTRYPOINT ["e"]', base).config.Cmd, ['c']);
});

test('shell forms go to the SHELL of the stage', () => {
  const { config } = apply('CMD run it\nSHELL ["/bin/bash", "-ec"]\nENTRYPOINT start it');
  assert.deepEqual(config.Cmd, ['/bin/sh', '-c', 'run it']);
  assert.deepEqual(config.Entrypoint, ['/bin/bash', '-ec', 'start it']);
});

test('WORKDIR is relative to the one before and never above the root', () => {
  assert.equal(apply('WORKDIR a\nWORKDIR b/\nWORKDIR ../c').config.WorkingDir, '/a/c');
  assert.equal(apply('WORKDIR /x/../../y').config.WorkingDir, '/y');
  assert.equal(apply('ENV D=/d\nWORKDIR ${D}/e').config.WorkingDir, '/d/e');
});

test('EXPOSE and VOLUME add to what the base has', () => {
  const base = { ExposedPorts: { '1/tcp': {} }, Volumes: { '/v': {} } };
  const { config } = apply('ENV P="80 81"\nEXPOSE $P 7000-7001/UDP\nVOLUME ["/w"]', base);
  assert.deepEqual(Object.keys(config.ExposedPorts ?? {}), [
    '1/tcp',
    '80/tcp',
    '81/tcp',
    '7000/udp',
    '7001/udp',
  ]);
  assert.deepEqual(Object.keys(config.Volumes ?? {}), ['/v', '/w']);
});

test('the history has the words of the classic builder', () => {
  const { comments } = apply(`CMD ["a", "b c"]
ENTRYPOINT x
ENV A=1 B="two words"
LABEL l=v
EXPOSE 80 53/udp
VOLUME /a /b
USER me
STOPSIGNAL SIGINT
SHELL ["/bin/bash", "-c"]
ONBUILD RUN x
ARG V=1
MAINTAINER Some One
WORKDIR /w
HEALTHCHECK --interval=90s --retries=3 CMD ["c"]
HEALTHCHECK NONE`);
  assert.deepEqual(comments, [
    'CMD ["a" "b c"]',
    'ENTRYPOINT ["/bin/sh" "-c" "x"]',
    'ENV A=1 B=two words',
    'LABEL l=v',
    'EXPOSE 53/udp 80',
    'VOLUME [/a /b]',
    'USER me',
    'STOPSIGNAL SIGINT',
    'SHELL [/bin/bash -c]',
    'ONBUILD RUN x',
    'ARG V=1',
    'MAINTAINER Some One',
    'WORKDIR /w',
    `HEALTHCHECK &{["CMD" "c"] "1m30s" "0s" "0s" "0s" '\\x03'}`,
    `HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\\x00'}`,
  ]);
  assert.equal(nopComment(['/bin/sh', '-c'], 'CMD ["x"]'), '/bin/sh -c #(nop)  CMD ["x"]');
  assert.equal(runComment(['/bin/sh', '-c', 'x'], ['a=1', 'b=2']), '|2 a=1 b=2 /bin/sh -c x');
});

test('wrong values are refused at their line', () => {
  assert.throws(() => apply('EXPOSE 70000'), /invalid containerPort: 70000.*\nDockerfile:2:1/);
  assert.throws(() => apply('STOPSIGNAL SIGNOPE'), /invalid signal: SIGNOPE\nDockerfile:2:1/);
  assert.throws(() => apply('USER ${U:?who}'), /U: who\nDockerfile:2:1/);
});
