import type { TransferLine } from '#api/types/registries.ts';
import type { Output } from '#cli/output.ts';
import { sizeWords } from './words.ts';

/**
 * The progress of a pull or push as Docker shows it: on a terminal one line for each layer, redrawn in place; else each new
 * status of a layer on a line of its own. The digest and the outcome are the result, on stdout.
 */
export class TransferRenderer {
  readonly #output: Output;
  readonly #quiet: boolean;
  /** The line of each layer, counted from the first. */
  readonly #lines = new Map<string, { index: number; status: string }>();

  constructor(output: Output, quiet: boolean) {
    this.#output = output;
    this.#quiet = quiet;
  }

  show(line: TransferLine): void {
    this.#output.json(line);
    const { id, status } = line;
    if (this.#output.isJson || this.#quiet || status === undefined) return;
    const isLayer = id !== undefined && line.progressDetail !== undefined;
    if (!isLayer) {
      this.#lines.clear();
      this.#output.print(id === undefined ? status : `${id}: ${status}`);
    } else if (this.#output.isLive) this.#redraw(id, status, line);
    else if (this.#lines.get(id)?.status !== status && isStep(status)) {
      this.#lines.set(id, { index: 0, status });
      this.#output.note(`${id}: ${status}`);
    }
  }

  #redraw(id: string, status: string, { progressDetail = {} }: TransferLine): void {
    const known = this.#lines.get(id);
    const index = known?.index ?? this.#lines.size;
    this.#lines.set(id, { index, status });
    const { current, total } = progressDetail;
    const detail = current === undefined ? '' : ` ${bar(current, total)}`;
    const text = `${id}: ${status}${detail}`.slice(0, this.#output.columns - 1);
    const up = this.#lines.size - index - (known === undefined ? 1 : 0);
    if (known === undefined) this.#output.draw(`${text}\n`);
    else this.#output.draw(`\u001b[${up}A\r\u001b[K${text}\r\u001b[${up}B`);
  }
}

const barWidth = 30;

function bar(current: number, total: number | undefined): string {
  if (total === undefined || total === 0) return sizeWords(current);
  const filled = Math.min(barWidth, Math.round((current / total) * barWidth));
  return `[${'='.repeat(filled)}${' '.repeat(barWidth - filled)}] ${sizeWords(current)}/${sizeWords(total)}`;
}

/** What says only that there is more of the same is for terminals. */
function isStep(status: string): boolean {
  return !['Downloading', 'Extracting', 'Pushing'].includes(status);
}
