import type { Scope } from '#domain/access/scope.ts';

/** What every scoped socket answers: clients need it to find their version. */
export const always: readonly string[] = ['GET /_ping', 'GET /version'];

const container = (method: string, ...verbs: string[]): string[] =>
  verbs.map((verb) => `${method} /containers/:id/${verb}`);

/** Which routes a scope opens: method and path as registered. HEAD counts as GET. */
export const routes: Readonly<Record<Scope, readonly string[]>> = {
  'system:read': ['GET /info', 'GET /system/df', 'GET /plugins', 'GET /berth/v1/disk'],
  'events:read': ['GET /events'],
  'containers:read': [
    'GET /containers/json',
    ...container('GET', 'json', 'top', 'stats', 'changes'),
    ...container('POST', 'wait'),
  ],
  // Shows more on routes of containers:read.
  'containers:env': [],
  'containers:logs': container('GET', 'logs'),
  'containers:control': container(
    'POST',
    ...['start', 'stop', 'restart', 'kill', 'pause', 'unpause', 'rename', 'update', 'resize'],
  ),
  'containers:exec': [
    ...container('POST', 'attach', 'exec'),
    ...container('GET', 'attach/ws'),
    ...['GET /exec/:id/json', 'POST /exec/:id/resize', 'POST /exec/:id/start'],
  ],
  'containers:files': [...container('GET', 'archive', 'export'), ...container('PUT', 'archive')],
  'containers:create': [
    ...[
      'POST /containers/create',
      'POST /containers/prune',
      'DELETE /containers/:id',
      'DELETE /containers/:id/:alias',
      'POST /commit',
    ],
  ],
  'images:read': [
    ...['GET /images/json', 'GET /images/search', 'GET /images/get', 'GET /images/*', 'GET /distribution/*'],
    ...['GET /berth/v1/bases', 'GET /berth/v1/bases/show', 'GET /berth/v1/bases/outdated'],
    ...['GET /berth/v1/bases/schedule', 'GET /berth/v1/bases/verify', 'GET /berth/v1/bases/key'],
    'GET /berth/v1/sbom',
  ],
  'images:write': [
    ...[
      'POST /images/create',
      'POST /images/load',
      'POST /images/prune',
      'POST /images/*',
      'DELETE /images/*',
    ],
    ...['POST /build', 'POST /build/prune', 'POST /build/cancel', 'POST /session', 'POST /grpc'],
  ],
  'networks:read': ['GET /networks', 'GET /networks/:id'],
  'networks:write': [
    ...['POST /networks/create', 'POST /networks/prune', 'DELETE /networks/:id'],
    ...['POST /networks/:id/connect', 'POST /networks/:id/disconnect'],
  ],
  'volumes:read': ['GET /volumes', 'GET /volumes/:name'],
  'volumes:write': [
    'POST /volumes/create',
    'POST /volumes/prune',
    'DELETE /volumes/:name',
    'PUT /volumes/:name',
  ],
  'apps:read': [
    ...['GET /berth/v1/apps', 'GET /berth/v1/apps/:app', 'GET /berth/v1/apps/:app/logs'],
    ...['GET /berth/v1/apps/:app/history', 'GET /berth/v1/apps/:app/history/:revision'],
    ...['GET /berth/v1/ingress', 'GET /berth/v1/policies', 'GET /berth/v1/policies/denied'],
    'POST /berth/v1/policies/test',
    'GET /berth/v1/advice',
    ...['GET /berth/v1/autoscale', 'GET /berth/v1/autoscale/:app/:service'],
    ...['GET /berth/v1/schedules', 'GET /berth/v1/schedules/:app/:service/runs'],
  ],
  'secrets:read': ['GET /berth/v1/secrets', 'GET /berth/v1/secrets/:name'],
  'secrets:write': ['PUT /berth/v1/secrets/:name', 'DELETE /berth/v1/secrets/:name'],
  'apps:write': [
    // It builds images, and may update apps.
    'POST /berth/v1/bases/refresh',
    'POST /berth/v1/apps/:app/secrets/refresh',
    ...['POST /berth/v1/compose/config', 'POST /berth/v1/compose/variables'],
    ...['POST /berth/v1/apps/plan', 'POST /berth/v1/apps/up', 'POST /berth/v1/apps/:app/down'],
    'POST /berth/v1/apps/:app/rollback',
    ...['POST /berth/v1/schedules/:app/:service/runs', 'POST /berth/v1/apps/:app/runs'],
    ...['scale', 'restart', 'stop', 'start', 'promote', 'abort', 'watch'].map(
      (verb) => `POST /berth/v1/apps/:app/${verb}`,
    ),
  ],
};
