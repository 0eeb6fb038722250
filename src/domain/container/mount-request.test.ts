import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import type { MountRequest } from './config.ts';
import { inheritedMount, parseVolumesFrom, requestedMounts } from './mount-request.ts';

const one = (bind: string) => requestedMounts({}, { Binds: [bind] }, [])[0];

describe('mounts of a create request', () => {
  it('reads a bind of a host path', () => {
    const draft = one('/data/../srv:/in:ro');
    assert.deepEqual(draft, {
      missingSource: 'create',
      point: {
        type: 'bind',
        source: '/srv',
        destination: '/in',
        mode: 'ro',
        readWrite: false,
        propagation: 'rprivate',
      },
    });
  });

  it('reads a named volume', () => {
    const draft = one('db:/var/lib/db:nocopy');
    assert.equal(draft?.volume?.name, 'db');
    assert.equal(draft.point.copyUp, false);
    assert.equal(draft.point.anonymous, false);
  });

  it('makes an anonymous volume of a declared path unless something else is mounted there', () => {
    const drafts = requestedMounts(
      { Volumes: { '/a': {}, '/b/': {}, '/c': {}, '/d': {} } },
      { Binds: ['x1:/b'], Tmpfs: { '/c': '' } },
      [
        {
          type: 'volume',
          name: 'y',
          source: '/s',
          destination: '/d',
          mode: '',
          readWrite: true,
          propagation: '',
        },
      ],
    );
    assert.deepEqual(
      drafts.map(({ point }) => [point.destination, point.anonymous]),
      [
        ['/b', false],
        ['/a', true],
      ],
    );
  });

  it('makes missing folders for -v and refuses for --mount', () => {
    assert.equal(one('/x:/y')?.missingSource, 'create');
    const [mount] = requestedMounts({}, { Mounts: [{ Type: 'bind', Source: '/x', Target: '/y' }] }, []);
    assert.equal(mount?.missingSource, 'refuse');
  });

  it('reads a tmpfs', () => {
    const [mount] = requestedMounts(
      {},
      { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1024, Mode: 0o700 } }] },
      [],
    );
    assert.equal(mount?.point.options, 'size=1024,mode=700');
  });

  const refused: [string, Parameters<typeof requestedMounts>[1], RegExp][] = [
    ['two mounts on one path', { Binds: ['a1:/x', 'b1:/x/'] }, /Duplicate mount point: \/x/],
    ['the root', { Binds: ['/a:/'] }, /destination can't be '\/'/],
    ['a relative destination', { Binds: ['/a:b'] }, /mount path must be absolute/],
    ['an unknown mode', { Binds: ['/a:/b:huh'] }, /invalid mode: huh/],
    ['contradicting modes', { Binds: ['/a:/b:ro,rw'] }, /invalid mode/],
    ['too many parts', { Binds: ['/a:/b:ro:rw'] }, /invalid volume specification/],
    ['a volume name with a slash', { Binds: ['a/b:/c'] }, /includes invalid characters/],
    ['an unknown type', { Mounts: [{ Type: 'npipe', Source: 'x', Target: '/y' }] }, /mount type unknown/],
    ['a bind without a source', { Mounts: [{ Type: 'bind', Target: '/y' }] }, /Source must not be empty/],
  ];
  for (const [what, host, message] of refused)
    it(`refuses ${what}`, () =>
      assert.throws(() => requestedMounts({}, host, []), { kind: 'invalid', message }));

  it('takes over mounts of another container, at most as writable', () => {
    const point = {
      type: 'bind',
      source: '/s',
      destination: '/d',
      mode: '',
      readWrite: false,
      propagation: '',
    } as const;
    assert.deepEqual(parseVolumesFrom('other:ro'), { container: 'other', mode: 'ro' });
    assert.equal(inheritedMount({ ...point, readWrite: true }, 'ro').readWrite, false);
    assert.equal(inheritedMount(point, 'rw').readWrite, false);
  });
});

it('a part of a volume or image lies inside it; a tmpfs has options that exist', () => {
  const of = (mount: MountRequest) => requestedMounts({}, { Mounts: [mount] }, []);
  const part = (Subpath: string): MountRequest => ({
    Type: 'volume',
    Source: 'data',
    Target: '/d',
    VolumeOptions: { Subpath },
  });
  const [draft] = of(part('a/../b'));
  assert.equal(draft?.point.subpath, 'a/../b');
  assert.equal(draft.point.copyUp, false);
  for (const path of ['../b', '/a', 'a/../../b'])
    assert.throws(() => of(part(path)), /must be a relative path within the volume/, path);
  const [image] = of({ Type: 'image', Source: 'busybox', Target: '/i', ImageOptions: { Subpath: 'etc' } });
  assert.deepEqual(
    [image?.point.type, image?.point.source, image?.point.subpath],
    ['image', 'busybox', 'etc'],
  );
  assert.throws(() => of({ Type: 'image', Target: '/i' }), /field Source must not be empty/);
  assert.throws(
    () => requestedMounts({}, { Tmpfs: { '/t': 'size=1m,odd' } }, []),
    /invalid tmpfs option \["odd"\]/,
  );
});
