import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withPolicyFile } from './policy-files.ts';

test('a policy file is named at the end of a compose file that knows none', () => {
  assert.equal(
    withPolicyFile('services: # mine\n  web: {image: a}', 'np.yaml'),
    'services: # mine\n  web: {image: a}\n\nx-berth:\n  policy:\n    files:\n      - "np.yaml"\n',
  );
});

test('it joins those that are named, once, and comments and lists stay as they are written', () => {
  const text = [
    'x-berth:',
    '  # who may call whom',
    '  policy:',
    '    files: [a.yaml] # of the cluster',
    'services:',
    '  web:',
    '    ports:',
    '    - "80:80"',
    '',
  ].join('\n');
  const next = withPolicyFile(text, 'b.yaml');
  assert.equal(next, text.replace('[a.yaml]', '[ a.yaml, b.yaml ]'));
  assert.equal(withPolicyFile(next, 'b.yaml'), next);
  assert.match(withPolicyFile('x-berth: { exposure: lan }\n', 'b.yaml'), /policy: { files: \[ b.yaml \] }/);
});

test('what cannot be written is said', () => {
  const wrong = { code: 'policy-import' };
  assert.throws(() => withPolicyFile('x-berth: { policy: { files: a.yaml } }', 'b.yaml'), wrong);
  assert.throws(() => withPolicyFile('a: &a {}\nx-berth: *a', 'b.yaml'), wrong);
  assert.throws(() => withPolicyFile('x-berth: [', 'b.yaml'), wrong);
});
