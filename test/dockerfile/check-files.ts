import fc from 'fast-check';

const pick = (...items: string[]): fc.Arbitrary<string> => fc.constantFrom(...items);

const instruction = pick(
  ...[
    'FROM base',
    'FROM base AS two',
    'from base as Three',
    'FROM two',
    'FROM three as four',
    'FROM $BASE',
    'FROM $NOPE',
  ],
  ...[
    'FROM --platform=linux/arm64 base',
    'FROM --platform=$TARGETPLATFORM base',
    'FROM --platform=linux/arm64 x AS arm64',
  ],
  ...[
    'FROM --platform=$BUILDPLATFORM base',
    'FROM scratch',
    'FROM base AS scratch',
    'FROM base AS two',
    'FROM base:$TAG',
  ],
  ...[
    'ARG A',
    'ARG A=1 B=$A',
    'ARG A=$A',
    'ARG TOKEN=x',
    'ARG public_key',
    'ENV password=1',
    'ENV K v',
    'ENV A=$A C=$NOPE',
  ],
  ...[
    'LABEL a b',
    'LABEL a=$A',
    'CMD x',
    'cmd ["x"]',
    'Cmd x',
    'ENTRYPOINT y',
    'ENTRYPOINT ["y"]',
    'SHELL ["sh", "-c"]',
  ],
  ...[
    'HEALTHCHECK NONE',
    'HEALTHCHECK CMD z',
    'WORKDIR a',
    'WORKDIR /a',
    'WORKDIR $A',
    'MAINTAINER me',
    'maintainer me',
  ],
  ...[
    'EXPOSE 80/TCP',
    'EXPOSE 8080:80',
    'EXPOSE 127.0.0.1:80:80',
    'EXPOSE $A',
    'EXPOSE 80-81',
    'USER $A',
    'VOLUME $B /x',
  ],
  ...[
    'RUN echo $A',
    'RUN --mount=type=cache,target=$A/x true',
    'RUN --mount=type=secret,id=s,required --mount=type=ssh true',
    'COPY --from=first a b',
    'RUN a \\\n\n b',
    'run a',
    'COPY $A /x',
    'COPY <<EOF /x\n$A $NOPE\nEOF',
  ],
  ...[
    'COPY --chown=$NOPE a b',
    'ADD --checksum=$B a b',
    'STOPSIGNAL $NOPE',
    'STOPSIGNAL 9',
    'ONBUILD RUN $A',
    'ENV A=1',
  ],
  ...['ARG TARGETARCH', 'ARG PATH', 'ENV PATH=$PATH:/x', 'COPY ${A:-$B} /x', 'COPY --from=two a b'],
);
const comment = pick(
  '',
  '',
  '',
  '# check=skip=UndefinedVar\n',
  '# A what\n',
  '# two what\n',
  '#\n',
  '# check=skip=all\n',
);
const head = pick(
  '',
  '',
  '# check=experimental=all\n',
  '# check=skip=JSONArgsRecommended,SecretsUsedInArgOrEnv\n',
  '# check=error=true\n',
);
const globals = pick(
  '',
  '',
  'ARG BASE=base\n',
  'ARG BASE\n',
  'ARG BASE=b TAG=1\nARG A=global\n',
  'ARG NOPEE\n',
  '# BASE it\nARG BASE=UPPER\n',
);

/** Files that most rules have something to say of. */
export const checkedFiles = fc
  .tuple(head, globals, fc.array(fc.tuple(comment, instruction), { minLength: 1, maxLength: 8 }))
  .map(([start, args, lines]) => {
    const body = lines.map((parts) => parts.join('')).join('\n');
    return `${start}${args}FROM base AS first\n${body}\n`;
  });

/** Files that every rule is broken in, and the same without a fault. */
export const checkTable = [
  'from a AS Builder\nRUN true\nCMD x\nCMD y\n',
  '# check=experimental=all\n# not a description\nARG x\nFROM a\n',
  'ARG V=1\nFROM a:$W\nARG KEY\nENV password x\nWORKDIR rel\nEXPOSE 1.2.3.4:80:80/TCP\nCOPY $Q /\n',
  'FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/amd64 b\nFROM ${NONE}\n',
  'FROM a AS context\nFROM a AS x\nFROM b AS x\nMAINTAINER me\nRUN a \\\n\n b\n',
  'FROM a\nWORKDIR /a\nWORKDIR b\nENTRYPOINT ["x"]\nCMD ["y"]\n',
];
