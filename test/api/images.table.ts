import { Type } from 'typebox';
import * as shapes from './shapes.ts';
import type { Table } from './table.ts';

const { closed, count, list, orNull, text, texts } = shapes;
const tar = 'application/x-tar';
const arm = encodeURIComponent('{"os":"linux","architecture":"s390x"}');
const removed = list(closed({}, { Untagged: text, Deleted: shapes.digest }));
/** A port of this machine where nobody listens. */
const nowhere = '127.0.0.1:1/x';

export const images: Table = {
  'GET /images/json': [
    { path: '/images/json', status: 200, shape: list(shapes.imageListed), text: /"Containers":[1-9]/ },
    {
      path: '/images/json',
      version: '1.50',
      status: 200,
      shape: list(shapes.imageListed),
      text: /"Containers":-1/,
    },
    { path: '/images/json?shared-size=1', version: '1.43', status: 200, shape: list(shapes.oldImageListed) },
    { path: '/images/json?filter=busybox', version: '1.40', status: 200, shape: list(shapes.oldImageListed) },
    { path: '/images/json?manifests=1', status: 200, shape: list(shapes.imageWithManifests) },
    { path: '/images/json?filters={"strange":["x"]}', status: 400 },
    { path: '/images/json?filters={"dangling":["maybe"]}', status: 400 },
    { path: '/images/json?filters={"before":["missing"]}', status: 404 },
  ],
  'GET /images/search': [
    { path: `/images/search?term=${nowhere}`, status: 500, text: /connection refused/ },
    { path: '/images/search?term=x&limit=101', status: 400, text: /outside the range of \[1, 100\]/ },
    { path: '/images/search?term=x&filters={"strange":["x"]}', status: 400 },
    { path: '/images/search?term=x&filters={"stars":["many"]}', status: 400 },
    { path: '/images/search?term=http://x', status: 400, text: /invalid repository name/ },
  ],
  'POST /images/create': [
    { path: '/images/create', status: 400 },
    { path: '/images/create?fromImage=UPPER', status: 400, text: /repository name .* must be lowercase/ },
    { path: `/images/create?fromImage=${nowhere}&tag=1`, status: 500 },
    { path: '/images/create?fromSrc=http://127.0.0.1:1/x', status: 503, text: /Get .*127\.0\.0\.1:1\/x/ },
    { path: '/images/create?fromSrc=ftp://x', status: 400 },
    {
      path: '/images/create?fromSrc=-&repo=imported&changes=ENV%20A%3Db&changes=USER%20root',
      body: Buffer.alloc(1024),
      status: 200,
      text: /"status":"sha256:[0-9a-f]{64}"\}\r\n$/,
    },
  ],
  'POST /images/load': [
    { path: '/images/load', body: Buffer.from('no archive at all'), status: 400 },
    { path: '/images/load?quiet=1', body: Buffer.alloc(1024), status: 400 },
    { path: '/images/load?platform=arm', body: Buffer.alloc(1024), status: 400 },
  ],
  'GET /images/get': [
    { path: '/images/get?names=busybox&names=imported', status: 200, type: tar },
    { path: '/images/get?names=missing', status: 404 },
    { path: `/images/get?names=busybox&platform=${arm}`, status: 404, text: /specified platform/ },
  ],
  'GET /images/*': [
    { path: '/images/busybox/json', status: 200, shape: shapes.imageInspect },
    { path: '/images/busybox/json?manifests=1', status: 200, shape: shapes.imageInspectWithManifests },
    { path: '/images/busybox/json', version: '1.49', status: 200, shape: shapes.imageInspect149 },
    { path: '/images/busybox/json', version: '1.43', status: 200, shape: shapes.imageInspect143 },
    {
      path: `/images/busybox/json?platform=${arm}`,
      status: 404,
      text: /does not provide the specified platform/,
    },
    { path: '/images/busybox/json?platform=arm', status: 400 },
    { path: `/images/busybox/json?platform=${arm}&manifests=1`, status: 400 },
    {
      path: '/images/missing/json',
      status: 404,
      text: /^\{"message":"No such image: missing(:latest)?"\}\n$/,
    },
    { path: '/images/busybox/history', status: 200, shape: shapes.history },
    { path: `/images/busybox/history?platform=${arm}`, status: 404 },
    { path: '/images/missing/history', status: 404 },
    { path: '/images/busybox/get', status: 200, type: tar },
    { path: '/images/busybox/dance', status: 404 },
  ],
  'POST /images/*': [
    { path: '/images/busybox/tag?repo=again&tag=1', status: 201 },
    { path: '/images/busybox/tag?repo=UPPER', status: 400 },
    { path: '/images/missing/tag?repo=again', status: 404 },
    // As Docker: it has begun to tell by then.
    { path: '/images/missing/push', status: 200, text: /"error":"An image does not exist locally with/ },
    { path: '/images/busybox/dance', status: 404 },
  ],
  'DELETE /images/*': [
    { path: '/images/again:1', status: 200, shape: removed },
    { path: '/images/busybox', status: 409, text: /conflict: unable to/ },
    { path: '/images/missing', status: 404 },
    { path: `/images/busybox?platforms=${arm}`, status: 400, text: /to force delete/ },
    { path: `/images/busybox?platforms=${arm}&force=1`, status: 404, text: /specified platform/ },
  ],
  'POST /images/prune': [
    { path: '/images/prune?filters={"strange":["x"]}', status: 400 },
    {
      path: '/images/prune',
      status: 200,
      shape: closed({ ImagesDeleted: orNull(removed), SpaceReclaimed: count }),
    },
  ],
  'GET /distribution/*': [
    { path: `/distribution/${nowhere}/json`, status: 500 },
    { path: '/distribution/busybox/dance', status: 404 },
  ],
  'POST /auth': [
    { path: '/auth', body: { username: 5 }, status: 400 },
    { path: '/auth', body: { user: 'a' }, status: 400, text: /the field 'user' is not known/ },
    { path: '/auth', body: { serveraddress: '127.0.0.1:1', username: 'a', password: 'b' }, status: 500 },
  ],
  'POST /build': [
    { path: '/build?buildargs=nonsense', status: 400 },
    { path: '/build', body: Buffer.from('no archive at all'), status: 400 },
    { path: '/build?platform=a/b/c/d', status: 400 },
    { path: '/build?platform=bogus', status: 400, text: /unknown operating system/ },
    { path: '/build?version=3', status: 400, text: /invalid version/ },
  ],
  'POST /session': [{ path: '/session', status: 400, text: /no upgrade proto in request/ }],
  'POST /grpc': [{ path: '/grpc', status: 400, text: /no upgrade proto in request/ }],
  'POST /build/cancel': [
    { path: '/build/cancel?id=none', status: 204 },
    { path: '/build/cancel', status: 400, text: /build ID not provided/ },
  ],
  'POST /build/prune': [
    {
      path: '/build/prune',
      status: 200,
      shape: closed({ CachesDeleted: orNull(texts), SpaceReclaimed: count }),
    },
    { path: '/build/prune?filters={"strange":["x"]}', status: 400 },
    { path: '/build/prune?keep-storage=x', status: 400 },
    { path: '/build/prune?min-free-space=1', status: 200, text: /"CachesDeleted":\[\]/ },
    { path: '/build/prune?min-free-space=x', status: 400 },
    { path: '/build/prune?filters={"until":["soon"]}', status: 400 },
  ],
};

export const volumes: Table = {
  'GET /volumes': [
    {
      path: '/volumes',
      status: 200,
      shape: closed({ Volumes: list(shapes.volume), Warnings: orNull(texts) }),
    },
    { path: '/volumes?filters={"strange":["x"]}', status: 400 },
    { path: '/volumes?filters={"dangling":["maybe"]}', status: 400 },
  ],
  'POST /volumes/create': [
    { path: '/volumes/create', body: { Name: 'made' }, status: 201, shape: shapes.volume },
    { path: '/volumes/create', body: {}, status: 201, shape: shapes.volume },
    { path: '/volumes/create', body: { Name: '../up' }, status: 400 },
    { path: '/volumes/create', body: { Name: 'xy', Driver: 'nfs-plugin' }, status: 404 },
    { path: '/volumes/create', body: { Name: 'xy', Strange: 1 }, status: 400, text: /'Strange'/ },
  ],
  'GET /volumes/:name': [
    { path: '/volumes/vol', status: 200, shape: shapes.volume },
    { path: '/volumes/missing', status: 404, text: /^\{"message":"get missing: no such volume"\}\n$/ },
  ],
  'PUT /volumes/:name': [{ path: '/volumes/vol', body: {}, status: 503 }],
  'DELETE /volumes/:name': [
    { path: '/volumes/made', status: 204 },
    { path: '/volumes/vol', status: 409, text: /volume is in use/ },
    { path: '/volumes/missing', status: 404 },
    { path: '/volumes/missing?force=1', status: 204 },
  ],
  'POST /volumes/prune': [
    {
      path: '/volumes/prune?filters={"all":["1"],"label":["no=such"]}',
      status: 200,
      shape: closed({ VolumesDeleted: orNull(Type.Array(text)), SpaceReclaimed: count }),
    },
    { path: '/volumes/prune?filters={"strange":["x"]}', status: 400 },
  ],
};
