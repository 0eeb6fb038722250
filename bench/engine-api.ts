import { Agent, request } from 'node:http';

/** The Docker Engine API without a client, over one kept connection. */
export class EngineApi {
  readonly #socket: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** @throws when the status is none of success */
  call(method: string, path: string, body?: object): Promise<string> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      text === undefined
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
    const answered = Promise.withResolvers<string>();
    const sent = request(
      { socketPath: this.#socket, agent: this.#agent, method, path: `/v1.41${path}`, headers },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const answer = Buffer.concat(parts).toString();
          if ((response.statusCode ?? 500) < 400) answered.resolve(answer);
          else answered.reject(new Error(`${method} ${path}: ${response.statusCode ?? ''} ${answer}`));
        });
      },
    );
    sent.on('error', answered.reject);
    sent.end(text);
    return answered.promise;
  }

  /** Create, start, wait and remove one container; gives milliseconds. */
  async runOnce(image: string, network: string): Promise<number> {
    const parse: (text: string) => { Id: string } = JSON.parse;
    const begun = performance.now();
    const create = { Image: image, Cmd: ['true'], HostConfig: { NetworkMode: network } };
    const { Id: id } = parse(await this.call('POST', '/containers/create', create));
    await this.call('POST', `/containers/${id}/start`);
    await this.call('POST', `/containers/${id}/wait`);
    await this.call('DELETE', `/containers/${id}`);
    return performance.now() - begun;
  }

  /** Create and start one exec and read its output to the end, which comes with its exit; gives milliseconds. */
  async execOnce(container: string): Promise<number> {
    const parse: (text: string) => { Id: string } = JSON.parse;
    const begun = performance.now();
    const create = { AttachStdout: true, Cmd: ['true'] };
    const { Id: id } = parse(await this.call('POST', `/containers/${container}/exec`, create));
    await this.call('POST', `/exec/${id}/start`, {});
    return performance.now() - begun;
  }

  close(): void {
    this.#agent.destroy();
  }
}
