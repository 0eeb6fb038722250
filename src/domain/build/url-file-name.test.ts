import assert from 'node:assert/strict';
import { test } from 'node:test';
import { urlFileName } from './url-file-name.ts';

const of = (url: string): string => urlFileName(new URL(url));

test('the last part of the path is the name, without escapes', () => {
  assert.equal(of('https://host/folder/file.tar.gz?version=1#part'), 'file.tar.gz');
  assert.equal(of('https://host/a%20b%25'), 'a b%');
  assert.equal(of('https://host/gr%C3%BC%C3%9Fe'), 'grüße');
  assert.equal(of('https://host/a%2Fb'), 'b');
});

test('a path that tells no name has none', () => {
  for (const path of ['', '/', '/folder/', '/a%2F..', '/a%2F.', '/a%00'])
    assert.equal(of(`https://host${path}`), '', path);
});

test('a percent sign that begins no escape is refused in words', () => {
  for (const [path, escape] of [
    ['100%.txt', '%.t'],
    ['100%', '%'],
    ['a%zz/b', '%zz'],
    ['a%2', '%2'],
  ] as const)
    assert.throws(() => of(`https://host/${path}`), {
      code: 'url-path-invalid',
      message: `parse "https://host/${path}": invalid URL escape "${escape}"`,
    });
  assert.throws(() => of('https://host/a%FF'), { code: 'url-path-invalid', message: /no UTF-8/ });
});
