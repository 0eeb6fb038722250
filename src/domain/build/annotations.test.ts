import assert from 'node:assert/strict';
import { test } from 'node:test';
import { annotationAttribute, annotationsAt, parseAnnotation } from '#domain/build/annotations.ts';

const arm = { os: 'linux', architecture: 'arm64' };
const amd = { os: 'linux', architecture: 'amd64' };

test('an annotation names its levels, platforms in brackets; without one it is on the manifest', () => {
  const level = 'manifest' as const;
  assert.deepEqual(parseAnnotation('a.b=c=d'), [{ level, key: 'a.b', value: 'c=d' }]);
  assert.deepEqual(parseAnnotation('index,manifest-descriptor[linux/aarch64]:k='), [
    { level: 'index', key: 'k', value: '' },
    { level: 'manifest-descriptor', platform: arm, key: 'k', value: '' },
  ]);
  for (const text of ['k', 'image:k=v', 'index[a b]:k=v', '=v', 'index:=v'])
    assert.throws(() => parseAnnotation(text), { code: 'annotation-invalid' }, text);
});

test('attributes of exporters are annotations by their prefix', () => {
  assert.deepEqual(annotationAttribute('annotation.a.b', 'c'), { level: 'manifest', key: 'a.b', value: 'c' });
  assert.deepEqual(annotationAttribute('annotation-index-descriptor.k', 'v'), {
    ...{ level: 'index-descriptor', key: 'k', value: 'v' },
  });
  assert.deepEqual(annotationAttribute('annotation-manifest[linux/amd64].k', 'v'), {
    ...{ level: 'manifest', platform: amd, key: 'k', value: 'v' },
  });
  assert.equal(annotationAttribute('name', 'app'), undefined);
  for (const name of ['annotation-image.k', 'annotation[linux/amd64]', 'annotation.'])
    assert.throws(() => annotationAttribute(name, 'v'), { code: 'annotation-invalid' }, name);
});

test('those of a platform go before those of all', () => {
  const all = ['manifest[linux/arm64]:k=arm', 'k=all', 'other=all'].flatMap(parseAnnotation);
  assert.deepEqual(annotationsAt(all, 'manifest', arm), { k: 'arm', other: 'all' });
  assert.deepEqual(annotationsAt(all, 'manifest', amd), { k: 'all', other: 'all' });
  assert.equal(annotationsAt(all, 'index'), undefined);
});
