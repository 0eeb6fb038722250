import { request, type IncomingMessage } from 'node:http';
import { answerOf } from '#adapters/files/answer.ts';
import { messageOf, unavailable } from '#base/errors.ts';
import type { MetricAddress, MetricSource } from '#ports/metric-source.ts';

const mostBytes = 4 * 1024 * 1024;

/** Over HTTP, one connection for each reading. */
export class HttpMetricSource implements MetricSource {
  async read(where: MetricAddress, timeout: number, signal: AbortSignal): Promise<string> {
    const { address, port, path } = where;
    const ends = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    // Only what the text format is: an app that can do others too might prefer them.
    const headers = { accept: 'text/plain;version=0.0.4', 'user-agent': 'berth' };
    const asked = request({ host: address, port, path, headers, agent: false, signal: ends });
    try {
      return await answerOf(asked, textOf);
    } catch (error) {
      signal.throwIfAborted();
      const reason = ends.aborted ? `no answer within ${timeout} ms` : messageOf(error);
      throw unavailable(
        'metrics-unreadable',
        `cannot read the metrics of ${address}:${port}${path}: ${reason}`,
      );
    }
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) throw new Error(`it answers with status ${response.statusCode ?? 0}`);
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > mostBytes) throw new Error('it answers with more than 4 MiB');
  }
  return text;
}
