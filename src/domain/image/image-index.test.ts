import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digest } from './digest.ts';
import type { Image } from './image.ts';
import { blobsOfIndex, imageFor, subjectOf, withSubject, type NewIndex } from './image-index.ts';
import type { Descriptor, Platform } from './manifest.ts';

const digestOf = (digit: number): Digest => `sha256:${String(digit).repeat(64)}`;

function entry(digit: number, platform?: Platform): Descriptor {
  return { mediaType: 'm', digest: digestOf(digit), size: 1, ...(platform !== undefined && { platform }) };
}

function imageOf(digit: number, platform: Platform): Image {
  return {
    ...{ id: digestOf(digit), manifestDigest: digestOf(digit), layers: [], chainId: '', size: 0 },
    config: { ...platform, rootfs: { type: 'layers', diff_ids: [] } },
    ...{ tags: [], repoDigests: [], stored: '' },
  };
}

const arm = (variant?: string): Platform => ({
  ...{ os: 'linux', architecture: 'arm' },
  ...(variant !== undefined && { variant }),
});
const amd64 = { os: 'linux', architecture: 'amd64' };
const index: NewIndex = {
  ...{ digest: digestOf(0), mediaType: 'index', size: 1 },
  manifests: [entry(1, arm('v6')), entry(2, arm('v7')), entry(3), entry(4, amd64)],
  images: { [digestOf(1)]: digestOf(1), [digestOf(2)]: digestOf(2), [digestOf(3)]: digestOf(3) },
  attachments: [{ digest: digestOf(5), parts: [entry(6), entry(7)] }],
};
const images = [
  imageOf(1, arm('v6')),
  imageOf(2, arm('v7')),
  imageOf(3, { os: 'linux', architecture: 's390x' }),
];

test('of an index the image for a platform is one that is here, by what its entry or else the image says', () => {
  assert.equal(imageFor(index, images, arm('v7'))?.id, digestOf(2));
  assert.equal(imageFor(index, images, arm('v6'))?.id, digestOf(1));
  assert.equal(imageFor(index, images, { os: 'linux', architecture: 's390x' })?.id, digestOf(3));
  assert.equal(imageFor(index, images, amd64), undefined);
  assert.equal(imageFor(index, images.slice(1), arm('v6')), undefined);
});

test('its own blobs are the index and what is attached, and attestations say what they are about', () => {
  assert.deepEqual(blobsOfIndex(index), [0, 5, 6, 7].map(digestOf));
  const annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': digestOf(1),
  };
  const attestation = { ...entry(5), annotations };
  assert.equal(subjectOf(attestation), digestOf(1));
  assert.equal(subjectOf(withSubject(attestation, digestOf(2))), digestOf(2));
  assert.equal(subjectOf(entry(1)), undefined);
});
