import * as shapes from './shapes.ts';
import type { Table } from './table.ts';

const { closed, list, orNull, text, texts } = shapes;

export const networks: Table = {
  'GET /networks': [
    { path: '/networks', status: 200, shape: list(shapes.network) },
    { path: '/networks', version: '1.24', status: 200, shape: list(shapes.network) },
    { path: '/networks?filters={"strange":["x"]}', status: 400 },
    { path: '/networks?filters={"type":["odd"]}', status: 400 },
  ],
  'POST /networks/create': [
    {
      path: '/networks/create',
      body: { Name: 'made', CheckDuplicate: true, Odd: 1 },
      status: 201,
      shape: closed({ Id: shapes.id, Warning: text }),
      text: /Odd/,
    },
    { path: '/networks/create', body: { Name: 'made' }, status: 409, text: /already exists/ },
    { path: '/networks/create', body: { Name: '' }, status: 400 },
    { path: '/networks/create', body: { Name: 'host' }, status: 403 },
    {
      path: '/networks/create',
      body: { Name: 'x', Driver: 'weave' },
      status: 404,
      text: /plugin .* not found/,
    },
    { path: '/networks/create', body: { Name: 'x', IPAM: { Config: [{ Subnet: 'odd' }] } }, status: 400 },
    { path: '/networks/create', body: {}, status: 400 },
  ],
  'GET /networks/:id': [
    { path: '/networks/net', status: 200, shape: shapes.network, text: /"web"/ },
    { path: '/networks/none', status: 200, shape: shapes.network },
    { path: '/networks/missing', status: 404, text: /^\{"message":"network missing not found"\}\n$/ },
  ],
  'POST /networks/:id/connect': [
    { path: '/networks/made/connect', body: { Container: 'web' }, status: 200 },
    { path: '/networks/made/connect', body: { Container: 'web' }, status: 403, text: /already exists/ },
    { path: '/networks/made/connect', body: { Container: 'nobody' }, status: 404 },
    { path: '/networks/missing/connect', body: { Container: 'web' }, status: 404 },
    { path: '/networks/made/connect', body: {}, status: 400 },
    { path: '/networks/made/connect', body: { Container: 'web', Odd: 1 }, status: 400 },
  ],
  'POST /networks/:id/disconnect': [
    { path: '/networks/made/disconnect', body: { Container: 'web' }, status: 200 },
    { path: '/networks/made/disconnect', body: { Container: 'web' }, status: 404, text: /is not connected/ },
    { path: '/networks/missing/disconnect', body: { Container: 'web' }, status: 404 },
  ],
  'DELETE /networks/:id': [
    { path: '/networks/made', status: 204 },
    { path: '/networks/net', status: 403, text: /has active endpoints/ },
    { path: '/networks/bridge', status: 403 },
    { path: '/networks/missing', status: 404 },
  ],
  'POST /networks/prune': [
    { path: '/networks/prune', status: 200, shape: closed({ NetworksDeleted: orNull(texts) }) },
    { path: '/networks/prune?filters={"strange":["x"]}', status: 400 },
  ],
};
