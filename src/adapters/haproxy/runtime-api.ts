import { once } from 'node:events';
import { connect } from 'node:net';
import { internal } from '#base/errors.ts';

/** How long an answer may take; HAProxy answers within a millisecond. */
const patienceMs = 5000;

/**
 * Sends one command (or several with `;` between them) to a socket of HAProxy and gives the answer.
 * @throws the system's error when nobody listens there
 */
export async function ask(socket: string, command: string, signal?: AbortSignal): Promise<string> {
  const connection = connect(socket);
  const abort = (): void => void connection.destroy(internal('balancer-ended', 'HAProxy ended'));
  signal?.addEventListener('abort', abort);
  connection.setEncoding('utf8');
  connection.setTimeout(patienceMs, () => {
    connection.destroy(internal('balancer-silent', `HAProxy did not answer '${firstWords(command)}'`));
  });
  try {
    await once(connection, 'connect');
    connection.end(`${command}\n`);
    let answer = '';
    for await (const chunk of connection) answer += String(chunk);
    return answer.trim();
  } finally {
    signal?.removeEventListener('abort', abort);
    connection.destroy();
  }
}

/** Sends commands of which each must be answered by nothing, or by what `fine` matches. @throws internal `balancer-refused` */
export async function command(socket: string, text: string, fine = /^$/): Promise<void> {
  const answer = await ask(socket, text);
  if (!answer.split('\n').every((line) => line === '' || fine.test(line)))
    throw internal('balancer-refused', `HAProxy refused '${firstWords(text)}': ${firstWords(answer)}`);
}

/** Replaces all entries of a map at once: nobody sees half of it (management manual, `prepare map`). */
export async function replaceMap(socket: string, path: string, lines: string): Promise<void> {
  const answer = await ask(socket, `prepare map ${path}`);
  const [, version] = /New version created: (\d+)/.exec(answer) ?? [];
  if (version === undefined)
    throw internal('balancer-refused', `HAProxy refused to change the map ${path}: ${answer}`);
  for (const part of parts(lines)) await command(socket, `add map @${version} ${path} <<\n${part}`);
  await command(socket, `commit map @${version} ${path}`);
}

/** A command must fit into HAProxy's buffer of 16 KiB. */
const longestPayload = 8192;

function parts(lines: string): string[] {
  const all: string[] = [];
  let part = '';
  for (const line of lines.split('\n').filter((one) => one !== '')) {
    if (part.length + line.length > longestPayload) {
      all.push(part);
      part = '';
    }
    part += `${line}\n`;
  }
  return part === '' ? all : [...all, part];
}

function firstWords(command: string): string {
  return command.split('\n')[0]?.slice(0, 100) ?? '';
}
