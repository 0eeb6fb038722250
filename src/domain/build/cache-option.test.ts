import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheSource, parseCacheTarget } from './cache-option.ts';

test('a cache to take from is a registry or a folder; a reference alone is a registry', () => {
  assert.deepEqual(parseCacheSource('shop/cache:1'), { kind: 'registry', reference: 'shop/cache:1' });
  const registry = { kind: 'registry', reference: 'reg:5000/a' };
  assert.deepEqual(parseCacheSource('type=registry,ref=reg:5000/a'), registry);
  assert.deepEqual(parseCacheSource('type=local,src=./cache'), { kind: 'folder', folder: './cache' });
});

test('a cache to write has a mode, min where none is given', () => {
  const registry = { kind: 'registry', reference: 'a', mode: 'min' };
  assert.deepEqual(parseCacheTarget('a'), registry);
  assert.deepEqual(parseCacheTarget('type=registry,ref=a,mode=max'), { ...registry, mode: 'max' });
  assert.deepEqual(parseCacheTarget('type=local,dest=/c'), { kind: 'folder', folder: '/c', mode: 'min' });
  assert.deepEqual(parseCacheTarget('type=inline'), { kind: 'inline' });
});

test('other types, other fields and lacking ones are not understood', () => {
  for (const text of ['type=gha', 'type=registry', 'type=local', 'type=registry,ref=a,compression=zstd'])
    assert.equal(parseCacheSource(text), undefined, text);
  for (const text of ['type=s3,bucket=b', 'type=registry', 'type=local', 'type=registry,ref=a,mode=all'])
    assert.equal(parseCacheTarget(text), undefined, text);
});
