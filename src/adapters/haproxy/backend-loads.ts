import { internal } from '#base/errors.ts';
import type { BackendLoad } from '#ports/balancer.ts';
import { ask } from './runtime-api.ts';

/** One line for each backend (management manual, `show stat <iid> <type> <sid>` with type 2; section 9.1, CSV format). */
export async function backendLoads(socket: string): Promise<Map<string, BackendLoad>> {
  const [head = '', ...lines] = (await ask(socket, 'show stat -1 2 -1')).split('\n');
  const columns = head.replace(/^# /, '').split(',');
  const [name, current, waiting, total] = ['pxname', 'scur', 'qcur', 'stot'].map((one) => {
    const at = columns.indexOf(one);
    if (at < 0) throw internal('balancer-refused', `HAProxy tells no ${one} of its backends: ${head}`);
    return at;
  });
  const loads = lines
    .filter((line) => line !== '')
    .map((line): [string, BackendLoad] => {
      const fields = line.split(',');
      const at = (column: number | undefined): number => Number(fields[column ?? -1] ?? 0);
      return [fields[name ?? 0] ?? '', { inFlight: at(current) + at(waiting), requests: at(total) }];
    });
  return new Map(loads);
}
