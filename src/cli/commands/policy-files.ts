import { isSeq, parseDocument } from 'yaml';
import { invalid } from '#base/errors.ts';

const path = ['x-berth', 'policy', 'files'];

/**
 * The text of a compose file that names one more file in `x-berth.policy.files`; the same text when it does already. Without
 * `x-berth` it gets some lines at its end; else that is written into it, and comments stay.
 * @throws invalid `policy-import` where the keys are of another kind, or an alias's
 */
export function withPolicyFile(text: string, name: string): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw unwritable('it is not YAML that can be read');
  if (!document.has('x-berth')) {
    const end = text === '' || text.endsWith('\n') ? '' : '\n';
    return `${text}${end}\nx-berth:\n  policy:\n    files:\n      - ${JSON.stringify(name)}\n`;
  }
  try {
    const files = document.getIn(path);
    if (files === undefined) document.setIn(path, document.createNode([name]));
    else if (!isSeq(files)) throw unwritable('x-berth.policy.files is no list in it');
    else if (files.items.some((item) => String(item) === name)) return text;
    else files.add(document.createNode(name));
  } catch (error) {
    throw unwritable('x-berth.policy is no mapping that stands in it', error);
  }
  return document.toString({ lineWidth: 0, indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(text) });
}

function unwritable(why: string, cause?: unknown): Error {
  return invalid('policy-import', `the policy cannot be named in the compose file: ${why}`, {
    hint: 'write its name into x-berth.policy.files yourself',
    ...(cause === undefined ? {} : { cause }),
  });
}
