import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from './changes.ts';

test('each instruction changes the config as in a Dockerfile', () => {
  assert.deepEqual(
    applyChanges({ Env: ['A=old', 'B=kept'], WorkingDir: '/srv' }, [
      'ENV A=new C="two words" D=x\\ y',
      'env OLD form of a value',
      'ENTRYPOINT ["/init", "-v"]',
      'CMD echo hi',
      'EXPOSE 80 53/udp',
      "LABEL a='b c'",
      'USER 1000:1000',
      'VOLUME ["/data", "/logs"]',
      'WORKDIR ../opt/./app',
      'STOPSIGNAL SIGINT',
      'ONBUILD RUN x',
      'HEALTHCHECK --interval=1m30s --retries=4 CMD curl -f http://localhost',
    ]),
    {
      Env: ['A=new', 'B=kept', 'C=two words', 'D=x y', 'OLD=form of a value'],
      Cmd: ['/bin/sh', '-c', 'echo hi'],
      Entrypoint: ['/init', '-v'],
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { a: 'b c' },
      User: '1000:1000',
      Volumes: { '/data': {}, '/logs': {} },
      WorkingDir: '/opt/app',
      StopSignal: 'SIGINT',
      OnBuild: ['RUN x'],
      Healthcheck: {
        Test: ['CMD-SHELL', 'curl -f http://localhost'],
        Interval: 90e9,
        Retries: 4,
      },
    },
  );
  assert.deepEqual(applyChanges({}, ['HEALTHCHECK NONE']).Healthcheck, { Test: ['NONE'] });
});

test('an instruction that is not for this, or has no or a wrong argument, is refused', () => {
  const refused: [string, RegExp][] = [
    ['RUN x', /RUN is not a valid change command/],
    ['ENV', /^ENV requires at least one argument$/],
    ['', /file with no instructions/],
    ['STOPSIGNAL NOPE', /^invalid signal: NOPE/],
    ['EXPOSE http', /invalid containerPort: http/],
    ['ENV A=1 B', /can't find = in "B"/],
    ['ENV A', /ENV must have two arguments/],
    ['HEALTHCHECK --interval=soon CMD x', /invalid duration "soon"/],
    ['HEALTHCHECK --what=1 CMD x', /unknown flag: --what/],
    ['HEALTHCHECK x', /Unknown type "X" in HEALTHCHECK/],
  ];
  for (const [line, message] of refused) assert.throws(() => applyChanges({}, [line]), { message }, line);
});
