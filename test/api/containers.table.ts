import { Type } from 'typebox';
import * as shapes from './shapes.ts';
import type { Table } from './table.ts';

const { closed, count, list, orNull, text, texts } = shapes;
const created = closed({ Id: shapes.id, Warnings: texts });
const warnings = closed({ Warnings: texts });
const raw = 'application/vnd.docker.raw-stream';
const multiplexed = 'application/vnd.docker.multiplexed-stream';
const gone = 'nobody';
const net = { HostConfig: { NetworkMode: 'none' } };

/** In the order of this list; `web` runs, `done` ran and ended. */
export const containers: Table = {
  'GET /containers/json': [
    { path: '/containers/json?all=1', status: 200, shape: list(shapes.containerSummary) },
    { path: '/containers/json?all=1', version: '1.24', status: 200, shape: list(shapes.oldSummary) },
    { path: '/containers/json?size=1&limit=1', status: 200, shape: list(shapes.sizedSummary) },
    { path: '/containers/json?limit=x', status: 400 },
    { path: `/containers/json?filters={"status":["dancing"]}`, status: 400 },
    { path: `/containers/json?filters={"strange":["x"]}`, status: 400, text: /invalid filter 'strange'/ },
    { path: '/containers/json?filters=[', status: 400 },
  ],
  'POST /containers/create': [
    { path: '/containers/create?name=made', body: { Image: 'busybox', ...net }, status: 201, shape: created },
    { path: '/containers/create?name=made', body: { Image: 'busybox' }, status: 409, text: /already in use/ },
    { path: '/containers/create?name=a/b', body: { Image: 'busybox' }, status: 400 },
    { path: '/containers/create', body: { Image: 'missing' }, status: 404, text: /No such image: missing/ },
    { path: '/containers/create', body: {}, status: 400, text: /config cannot be empty in order to create/ },
    { path: '/containers/create', body: { HostConfig: {} }, status: 400, text: /config cannot be empty/ },
    { path: '/containers/create', body: { Image: 5 }, status: 400, text: /Image/ },
    { path: '/containers/create', body: { Image: 'busybox', HostConfig: { Memory: 1 } }, status: 400 },
    {
      path: '/containers/create?name=odd',
      body: { Image: 'busybox', Odd: 1, HostConfig: { NetworkMode: 'none', Strange: 2 } },
      status: 201,
      shape: created,
      text: /Odd.*HostConfig\.Strange/,
    },
    {
      path: '/containers/create',
      version: '1.43',
      body: { Image: 'busybox', NetworkingConfig: { EndpointsConfig: { bridge: {}, net: {} } } },
      status: 400,
      text: /multiple network endpoints/,
    },
    { path: '/containers/create', status: 400 },
  ],
  'GET /containers/:id/json': [
    { path: '/containers/web/json', status: 200, shape: shapes.containerInspect },
    { path: '/containers/done/json?size=1', status: 200, shape: shapes.sizedInspect },
    { path: '/containers/web/json', version: '1.43', status: 200, shape: shapes.oldInspect },
    { path: `/containers/${gone}/json`, status: 404, text: /^\{"message":"No such container: nobody"\}\n$/ },
  ],
  'POST /containers/:id/start': [
    { path: '/containers/web/start', status: 304 },
    { path: '/containers/made/start', body: { Binds: ['/:/host'] }, status: 400 },
    { path: '/containers/made/start', status: 204 },
    { path: `/containers/${gone}/start`, status: 404 },
  ],
  'POST /containers/:id/wait': [
    { path: '/containers/made/wait', status: 200, shape: closed({ StatusCode: count }) },
    { path: '/containers/made/wait?condition=never', status: 400 },
    { path: `/containers/${gone}/wait`, status: 404 },
  ],
  'GET /containers/:id/top': [
    { path: '/containers/web/top', status: 200, shape: closed({ Titles: texts, Processes: list(texts) }) },
    { path: '/containers/done/top', status: 409 },
    { path: `/containers/${gone}/top`, status: 404 },
  ],
  'GET /containers/:id/changes': [
    { path: '/containers/web/changes', status: 200, shape: list(closed({ Path: text, Kind: count })) },
    { path: `/containers/${gone}/changes`, status: 404 },
  ],
  'GET /containers/:id/stats': [
    { path: '/containers/web/stats?stream=0&one-shot=1', status: 200, shape: shapes.containerStats },
    { path: '/containers/done/stats?stream=0&one-shot=1', status: 200, shape: shapes.containerStats },
    { path: `/containers/${gone}/stats`, status: 404 },
  ],
  'GET /containers/:id/logs': [
    { path: '/containers/done/logs?stdout=1', status: 200, type: multiplexed },
    { path: '/containers/done/logs?stdout=1', version: '1.41', status: 200, type: raw },
    { path: '/containers/done/logs', status: 400, text: /you must choose at least one stream/ },
    { path: '/containers/done/logs?stdout=1&since=soon', status: 400 },
    { path: `/containers/${gone}/logs?stdout=1`, status: 404 },
  ],
  'POST /containers/:id/attach': [
    { path: '/containers/done/attach?logs=1&stdout=1', status: 200, type: multiplexed },
    { path: '/containers/done/attach?logs=1&stdout=1', version: '1.41', status: 200, type: raw },
    { path: '/containers/web/attach?stream=1&detachKeys=nonsense', status: 400 },
    { path: `/containers/${gone}/attach`, status: 404 },
  ],
  'GET /containers/:id/attach/ws': [
    { path: '/containers/web/attach/ws', status: 400 },
    { path: `/containers/${gone}/attach/ws`, status: 404 },
  ],
  'POST /containers/:id/resize': [
    { path: '/containers/web/resize?h=10&w=20', status: 200 },
    { path: '/containers/web/resize?h=x&w=20', status: 400 },
    { path: '/containers/done/resize?h=10&w=20', status: 409 },
    { path: `/containers/${gone}/resize?h=10&w=20`, status: 404 },
  ],
  'POST /containers/:id/exec': [
    { path: '/containers/web/exec', body: { Cmd: ['true'] }, status: 201, shape: closed({ Id: shapes.id }) },
    { path: '/containers/web/exec', body: { Cmd: ['true'], Strange: 1 }, status: 400, text: /'Strange'/ },
    { path: '/containers/web/exec', body: { Cmd: [] }, status: 400, text: /No exec command specified/ },
    { path: '/containers/done/exec', body: { Cmd: ['true'] }, status: 409, text: /is not running/ },
    { path: `/containers/${gone}/exec`, body: { Cmd: ['true'] }, status: 404 },
  ],
  'POST /exec/:id/resize': [
    { path: '/exec/{exec}/resize?h=10&w=20', status: 200 },
    { path: '/exec/{exec}/resize?h=10', status: 400 },
    { path: '/exec/none/resize?h=10&w=20', status: 404 },
  ],
  'POST /exec/:id/start': [
    { path: '/exec/{exec}/start', body: { Tty: 'yes' }, status: 400 },
    { path: '/exec/{exec}/start', body: { Tyt: true }, status: 400, text: /the field 'Tyt' is not known/ },
    { path: '/exec/none/start', body: { hijack: true, stdin: true }, status: 404 },
    { path: '/exec/{exec}/start', body: { Detach: false }, status: 200, type: multiplexed },
    { path: '/exec/{exec}/start', body: {}, status: 409 },
    { path: '/exec/none/start', body: {}, status: 404, text: /No such exec instance: none/ },
  ],
  'GET /exec/:id/json': [
    { path: '/exec/{exec}/json', status: 200, shape: shapes.execInspect },
    { path: '/exec/none/json', status: 404 },
  ],
  'HEAD /containers/:id/archive': [
    { path: '/containers/web/archive?path=/etc', status: 200 },
    { path: '/containers/web/archive?path=/nothing', status: 404 },
    { path: '/containers/web/archive', status: 400 },
  ],
  'GET /containers/:id/archive': [
    { path: '/containers/web/archive?path=/bin/sh', status: 200, type: 'application/x-tar' },
    { path: '/containers/web/archive?path=/nothing', status: 404, text: /Could not find the file/ },
    { path: '/containers/web/archive', status: 400 },
    { path: `/containers/${gone}/archive?path=/`, status: 404 },
  ],
  'PUT /containers/:id/archive': [
    { path: '/containers/web/archive?path=/tmp', body: Buffer.alloc(1024), status: 200 },
    { path: '/containers/web/archive?path=/tmp', body: Buffer.from('no archive at all'), status: 400 },
    { path: '/containers/web/archive', body: Buffer.alloc(1024), status: 400 },
    { path: `/containers/${gone}/archive?path=/`, body: Buffer.alloc(1024), status: 404 },
  ],
  'GET /containers/:id/export': [
    { path: '/containers/done/export', status: 200, type: 'application/octet-stream' },
    { path: `/containers/${gone}/export`, status: 404 },
  ],
  'POST /containers/:id/update': [
    {
      path: '/containers/web/update',
      body: { CpuShares: 512, Odd: 1 },
      status: 200,
      shape: warnings,
      text: /Odd/,
    },
    { path: '/containers/web/update', body: { RestartPolicy: { Name: 'sometimes' } }, status: 400 },
    { path: `/containers/${gone}/update`, body: {}, status: 404 },
  ],
  'POST /containers/:id/rename': [
    { path: '/containers/odd/rename?name=even', status: 204 },
    { path: '/containers/even/rename?name=web', status: 409 },
    { path: '/containers/even/rename', status: 400 },
    { path: '/containers/even/rename?name=a*b', status: 400 },
    { path: `/containers/${gone}/rename?name=x`, status: 404 },
  ],
  'POST /containers/:id/pause': [
    { path: '/containers/web/pause', status: 204 },
    { path: '/containers/web/pause', status: 409, text: /already paused/ },
    { path: '/containers/done/pause', status: 409 },
    { path: `/containers/${gone}/pause`, status: 404 },
  ],
  'POST /containers/:id/unpause': [
    { path: '/containers/web/unpause', status: 204 },
    { path: '/containers/web/unpause', status: 409 },
    { path: `/containers/${gone}/unpause`, status: 404 },
  ],
  'POST /commit': [
    { path: '/commit?container=web', body: { Comand: ['x'] }, status: 400, text: /'Comand' is not known/ },
    {
      path: '/commit?container=web&repo=committed&changes=ENV%20A%3Db',
      body: {},
      status: 201,
      shape: closed({ Id: shapes.digest }),
    },
    { path: '/commit?container=web', status: 201, shape: closed({ Id: shapes.digest }) },
    { path: '/commit?container=web&changes=DANCE', status: 400 },
    { path: `/commit?container=${gone}`, status: 404 },
  ],
  'POST /containers/:id/kill': [
    { path: '/containers/web/kill?signal=NONSENSE', status: 400 },
    { path: '/containers/done/kill', status: 409, text: /is not running/ },
    { path: `/containers/${gone}/kill`, status: 404 },
    { path: '/containers/web/kill?signal=WINCH', status: 204 },
  ],
  'POST /containers/:id/restart': [
    { path: '/containers/web/restart?t=0', status: 204 },
    { path: '/containers/web/restart?t=soon', status: 400 },
    { path: `/containers/${gone}/restart`, status: 404 },
  ],
  'POST /containers/:id/stop': [
    { path: '/containers/web/stop?signal=NONSENSE', status: 400 },
    { path: '/containers/web/stop?t=0', status: 204 },
    { path: '/containers/web/stop', status: 304 },
    { path: `/containers/${gone}/stop`, status: 404 },
  ],
  'DELETE /containers/:id': [
    { path: '/containers/made?v=1', status: 204 },
    { path: '/containers/made', status: 404 },
    { path: '/containers/web?link=1', status: 409, text: /cannot remove the default link name/ },
  ],
  'DELETE /containers/:id/:alias': [
    { path: '/containers/web/db?link=1', status: 404, text: /No such link: \/web\/db/ },
    { path: '/containers/web/db', status: 404 },
    { path: '/containers/none/db?link=1', status: 404 },
  ],
  'POST /containers/prune': [
    { path: '/containers/prune?filters={"strange":["x"]}', status: 400 },
    { path: '/containers/prune?filters={"until":["later"]}', status: 400 },
    {
      path: '/containers/prune?filters={"label":["no=such"]}',
      status: 200,
      shape: closed({ ContainersDeleted: Type.Null(), SpaceReclaimed: count }),
    },
    {
      path: '/containers/prune',
      status: 200,
      shape: closed({ ContainersDeleted: orNull(texts), SpaceReclaimed: count }),
    },
  ],
};
