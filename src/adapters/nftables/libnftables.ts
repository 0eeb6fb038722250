import koffi from 'koffi';
import { unavailable } from '#base/errors.ts';

// libnftables(3): the nft command's own parser and transaction, without a process.

type Context = { readonly nft: never } | null;

const library = koffi.load('libnftables.so.1');
const newContext: (flags: number) => Context = library.func('void *nft_ctx_new(uint32_t flags)');
const bufferErrors: (context: Context) => number = library.func('int nft_ctx_buffer_error(void *ctx)');
const errors: (context: Context) => string = library.func('const char *nft_ctx_get_error_buffer(void *ctx)');
const bufferOutput: (context: Context) => number = library.func('int nft_ctx_buffer_output(void *ctx)');
const output: (context: Context) => string = library.func('const char *nft_ctx_get_output_buffer(void *ctx)');
const runCommand: (context: Context, commands: string) => number = library.func(
  'int nft_run_cmd_from_buffer(void *ctx, const char *commands)',
);

/** Runs nft commands, all or none. */
export class Nftables {
  readonly #context = newContext(0);

  constructor() {
    bufferErrors(this.#context);
    bufferOutput(this.#context);
  }

  /** Gives what the commands print. @throws unavailable `packet-filter-failed` with nft's own words */
  run(commands: string): string {
    const code = runCommand(this.#context, commands);
    // Reading it empties the buffer.
    const printed = output(this.#context);
    if (code === 0) return printed;
    const words = errors(this.#context).trim().split('\n')[0] ?? 'unknown reason';
    throw unavailable('packet-filter-failed', `setting packet filter rules failed: ${words}`);
  }
}
