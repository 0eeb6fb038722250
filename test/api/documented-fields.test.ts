import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { tarOf } from '../support/tar.ts';
import * as documented from './documented-fields.ts';
import type { DocumentedField } from './documented-fields.ts';

/** Each field of the API description is honoured (an inspect shows it), refused by name, or named in a warning. */
describe('documented fields are never dropped', { timeout: 120_000 }, () => {
  let daemon: TestDaemon;
  let made = 0;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    await daemon.ok('network', 'create', 'documented');
    await daemon.ok('run', '-d', '--name', 'running', '--network', 'none', 'busybox', 'sleep', '1000');
  });
  after(() => daemon[Symbol.asyncDispose]());

  /** @param inspect path of what was made; `part` that of the field in it */
  async function check(
    { name, value, shows, says }: DocumentedField,
    answer: { status: number; text: string },
    inspect: (id: string) => string,
    part: string[] = [],
  ): Promise<void> {
    const about = `${name}: ${answer.status} ${answer.text}`;
    if ((says ?? new RegExp(name, 'i')).test(answer.text) && !/"Warnings":(\[\]|null)/.test(answer.text))
      return;
    assert.ok(answer.status < 300, about);
    const id = /"(?:Id|Name)":"([^"]+)"/.exec(answer.text)?.[1] ?? '';
    const shown = await daemon.api('GET', inspect(id));
    assert.equal(shown.status, 200, about);
    if (shows !== undefined) assert.ok(shown.text.includes(shows), `${about}\n${shown.text}`);
    else assert.deepEqual(at(shown.json, [...part, name]), value, about);
  }

  const create = (config: object, host: object, endpoints: object = {}): ReturnType<TestDaemon['api']> =>
    daemon.api('POST', `/v1.51/containers/create?name=c${++made}`, {
      Image: 'busybox',
      ...config,
      HostConfig: host,
      NetworkingConfig: { EndpointsConfig: endpoints },
    });
  const container = (id: string): string => `/v1.51/containers/${id}/json`;

  async function printed(created: string): Promise<string> {
    const id = /"Id":"(\w+)"/.exec(created)?.[1] ?? '';
    return (await daemon.api('POST', `/v1.51/exec/${id}/start`, {})).text;
  }

  for (const each of documented.configFields)
    it(`Config.${each.name}`, async () => {
      await check(each, await create({ [each.name]: each.value, ...each.with }, {}), container, ['Config']);
    });

  for (const each of [...documented.resourceFields, ...documented.hostFields])
    it(`HostConfig.${each.name}`, async () => {
      await check(each, await create({}, { [each.name]: each.value, ...each.with }), container, [
        'HostConfig',
      ]);
    });

  for (const each of documented.endpointFields)
    it(`NetworkingConfig.EndpointsConfig.${each.name}`, async () => {
      const answer = await create(
        {},
        { NetworkMode: 'documented' },
        { documented: { [each.name]: each.value } },
      );
      await check(each, answer, container, ['NetworkSettings', 'Networks', 'documented']);
    });

  for (const each of [
    ...documented.resourceFields,
    ...documented.hostFields.filter(({ name }) => name === 'RestartPolicy'),
  ])
    it(`update: ${each.name}`, async () => {
      const { text } = await create({}, {});
      const id = /"Id":"(\w+)"/.exec(text)?.[1] ?? '';
      const answer = await daemon.api('POST', `/v1.51/containers/${id}/update`, {
        [each.name]: each.value,
        ...each.with,
      });
      await check(each, answer, () => container(id), ['HostConfig']);
    });

  for (const each of documented.execFields)
    it(`exec: ${each.name}`, async () => {
      const body = { Cmd: ['true'], ...each.with, [each.name]: each.value };
      const answer = await daemon.api('POST', '/v1.51/containers/running/exec', body);
      if (each.prints === undefined) await check(each, answer, (id) => `/v1.51/exec/${id}/json`);
      else assert.match(await printed(answer.text), each.prints);
    });

  for (const each of documented.networkFields)
    it(`network: ${each.name}`, async () => {
      const body = { Name: `n${++made}`, [each.name]: each.value };
      const answer = await daemon.api('POST', '/v1.51/networks/create', body);
      await check(each, answer, (id) => `/v1.51/networks/${id}`);
      await daemon.api('DELETE', `/v1.51/networks/${body.Name}`);
    });

  for (const each of documented.volumeFields)
    it(`volume: ${each.name}`, async () => {
      const answer = await daemon.api('POST', '/v1.51/volumes/create', {
        Name: `v${++made}`,
        [each.name]: each.value,
      });
      await check(each, answer, (name) => `/v1.51/volumes/${name}`);
    });

  for (const each of documented.buildParameters)
    it(`build: ${each.name}`, async () => {
      const query = `${each.name}=${encodeURIComponent(String(each.value))}`;
      const context = await tarOf({ Dockerfile: `FROM busybox\nRUN echo ${each.name}\n` });
      const { status, text } = await daemon.api('POST', `/v1.51/build?${query}`, context);
      assert.match(text, each.says ?? new RegExp(each.name), `${each.name}: ${status} ${text}`);
    });
});

function at(value: unknown, path: string[]): unknown {
  let found = value;
  for (const key of path)
    found =
      typeof found === 'object' && found !== null
        ? Object.getOwnPropertyDescriptor(found, key)?.value
        : undefined;
  return found;
}
