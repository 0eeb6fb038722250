import fc from 'fast-check';

const pick = (...items: string[]): fc.Arbitrary<string> => fc.constantFrom(...items);
const chain = (item: fc.Arbitrary<string>, most: number, between = ''): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: most }).map((parts) => parts.join(between));

/** Values that words can name; `unset` is none. */
export const values = { x: 'value', empty: '', path: '/a/b.c/b.c', two: 'one  two', star: 'a*b?c\\d' };

const { word } = fc.letrec<{ word: string; part: string; inside: string }>((tie) => ({
  word: chain(tie('part'), 5),
  part: fc.oneof(
    { weight: 3, arbitrary: pick('a', 'b', '.', '/', ' ', '=', '-', '*', '?', 'é', '<', '<<') },
    { weight: 2, arbitrary: pick('\\', '"', "'", '`', '$', '}', '{', '\\\\', '\\"', '\\$', '#', '%') },
    { weight: 3, arbitrary: pick('$x', '${x}', '$empty', '$unset', '${path}', '$two', '$1', '$@', '$$') },
    fc.tuple(pick('"', "'"), tie('word')).map(([quote, inner]) => quote + inner + quote),
    {
      weight: 4,
      arbitrary: fc
        .tuple(pick('x', 'empty', 'unset', 'path', 'two', 'star'), tie('inside'))
        .map(([name, inside]) => `\${${name}${inside}}`),
    },
  ),
  inside: fc.oneof(
    fc
      .tuple(pick('-', ':-', '+', ':+', '?', ':?', '#', '##', '%', '%%'), tie('word'))
      .map(([operator, inner]) => operator + inner),
    fc
      .tuple(pick('/', '//'), tie('word'), tie('word'))
      .map(([operator, pattern, by]) => `${operator}${pattern}/${by}`),
    pick(':', '', '^', ':#a', '#*/', '%%.*', '##*b', '/b/c', '//b/c', '//b', '/*/', '//\\//_', '%?', '#\\*'),
  ),
}));

export const words = word;

const segment = pick(
  'a',
  'b',
  'ab',
  'a.c',
  '.a',
  '*',
  '?',
  'a*',
  '*.c',
  '**',
  '[ab]',
  '[^a]',
  '\\*',
  '..',
  '.',
);
const pattern = fc
  .tuple(pick('', '', '', '!', '! ', ' ', '/', './'), chain(segment, 4, '/'), pick('', '', '/', ' ', '\t'))
  .map((parts) => parts.join(''));
export const ignoreFiles = fc
  .tuple(
    pick('', '', '\uFEFF'),
    chain(fc.oneof({ weight: 5, arbitrary: pattern }, pick('# a', '', '#', '!')), 4, '\n'),
  )
  .map((parts) => parts.join(''));
export const paths = fc.array(chain(pick('a', 'b', 'ab', 'a.c', '.a', 'x', '*', 'b.c'), 4, '/'), {
  minLength: 1,
  maxLength: 8,
});

export const modes = fc.record({
  text: fc.oneof(
    chain(pick('0', '1', '4', '7', '5', '6', '8'), 5),
    chain(
      fc
        .tuple(
          chain(pick('', 'u', 'g', 'o', 'a'), 3),
          chain(
            fc
              .tuple(
                pick('+', '-', '=', ''),
                fc.oneof(chain(pick('r', 'w', 'x', 'X', 's', 't'), 4), pick('', 'u', 'g', 'o')),
              )
              .map((parts) => parts.join('')),
            2,
          ),
        )
        .map((parts) => parts.join('')),
      3,
      ',',
    ),
  ),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  folder: fc.boolean(),
});

const keyword = pick(
  ...['RUN', 'CMD', 'LABEL', 'MAINTAINER', 'EXPOSE', 'ENV', 'ADD', 'COPY', 'ENTRYPOINT', 'VOLUME', 'USER'],
  ...[
    'WORKDIR',
    'ARG',
    'ONBUILD RUN',
    'ONBUILD COPY',
    'STOPSIGNAL',
    'HEALTHCHECK',
    'SHELL',
    'run',
    'Copy',
    'FROM',
  ],
);
const flag = pick(
  ...[
    '--from=a',
    '--chown=1:2',
    '--chmod=755',
    '--chmod="u=rw X"',
    '--link',
    '--link=false',
    '--parents',
    '--exclude=*.o',
  ],
  ...[
    '--exclude=',
    '--checksum=x',
    '--keep-git-dir=true',
    '--unpack=FALSE',
    '--mount=type=cache,target=/x',
    '--network=none',
  ],
  ...[
    '--mount=type=secret,id=a,env=A',
    '--mount=target=/x,"source=a b"',
    "--mount='type=tmpfs,size=1k'",
    '--security=insecure',
  ],
  ...[
    '--interval=5s',
    '--retries=3',
    '--timeout=1ms',
    '--platform=$X',
    '--',
    '--unknown',
    '--from',
    '--mount=type=ssh,required',
  ],
);
const argument = pick(
  ...[
    'a',
    'b=c',
    'A="b c"',
    "'d e'",
    'f\\ g',
    '$x',
    '${x:-y}',
    '["a","b"]',
    '["a", 1]',
    '[',
    '#',
    '\\',
    '"',
    "it's",
    '80/tcp',
  ],
  ...[
    'CMD',
    'NONE',
    'AS',
    'as',
    'x',
    '/dst/',
    '<<EOF',
    "<<'EOF'",
    '<<-EOF',
    '<<"E"F',
    '<< EOF',
    '3<<EOF',
    '9',
    '=',
    'a=',
    '<<',
  ],
);
const space = pick(' ', '  ', '\t', ' \\\n', '\\\n  ', ' \\ \n# between\n', ' \\\n\n');
const spaced = (items: fc.Arbitrary<string>, most: number): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(space, items), { maxLength: most })
    .map((parts) => parts.map(([before, item]) => before + item).join(''));
const instruction = fc.tuple(keyword, spaced(flag, 2), spaced(argument, 4)).map((parts) => parts.join(''));
const line = fc.oneof(
  { weight: 6, arbitrary: instruction },
  pick(
    '',
    '# a comment',
    '#',
    '  # x the x',
    'EOF',
    '\tEOF',
    '\tindented',
    'EF',
    '# check=skip=all',
    '\\',
    '   ',
  ),
);
const head = pick(
  '',
  '',
  '# escape=`\n',
  '# syntax=docker/dockerfile:1\n',
  '\uFEFF',
  '#!/usr/bin/env x\n',
  '# escape = \\\n# check=error=true\n',
  'ARG x=1\n',
  '# x one\nARG x\n',
);

export const files = fc
  .tuple(head, fc.array(line, { minLength: 1, maxLength: 6 }), pick('\n', '\n', '\n', '\r\n'), pick('', '\n'))
  .map(([start, lines, end, last]) =>
    `${start}FROM base AS first\n${lines.join('\n')}${last}`.replaceAll('\n', end),
  );
