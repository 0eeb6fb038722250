import { Transform, type TransformCallback } from 'node:stream';
import { invalid } from '#base/errors.ts';

const defaultKeys = 'ctrl-p,ctrl-q';

/**
 * Reads a detach sequence: letters, `ctrl-a` to `ctrl-z`, `ctrl-@`, `ctrl-[` and so on, joined by commas.
 * @throws invalid `detach-keys-invalid`
 */
export function parseDetachKeys(text: string | undefined): Buffer {
  const sequence = text === undefined || text === '' ? defaultKeys : text;
  return Buffer.from(sequence.split(',').map((key) => keyCode(key, sequence)));
}

function keyCode(key: string, sequence: string): number {
  if (key.length === 1) return key.charCodeAt(0);
  const [, control = ''] = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key) ?? [];
  if (control === '')
    throw invalid('detach-keys-invalid', `Invalid escape keys (${sequence}) provided`, {
      hint: 'write single letters or ctrl-LETTER, joined by commas',
    });
  return control.toUpperCase().charCodeAt(0) & 0x1f;
}

/**
 * Passes a client's input on and watches for the detach sequence; what might be its beginning is held back
 * until it is clear that it is not.
 */
export class DetachFilter extends Transform {
  readonly #keys: Buffer;
  readonly #detached: () => void;
  #matched = 0;

  constructor(keys: Buffer, detached: () => void) {
    super();
    this.#keys = keys;
    this.#detached = detached;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        out.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else out.push(byte);
      if (this.#matched < this.#keys.length) continue;
      done(null, Buffer.from(out));
      this.#detached();
      return;
    }
    done(null, Buffer.from(out));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#keys.subarray(0, this.#matched));
  }
}
