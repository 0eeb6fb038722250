import { own } from '#base/own.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { argumentValue, platformArguments } from './arguments.ts';
import { expanderFor } from './state.ts';

/** For whom it is built, and with what. */
export interface GlobalRequest {
  args: Record<string, string>;
  /** `linux/amd64`, of the image and of this machine. */
  platform: string;
  machine: string;
  target?: string;
}

/** The ARGs before the first FROM and what is predefined. @throws invalid `dockerfile-invalid` */
export function globalValues(file: Dockerfile, request: GlobalRequest): Record<string, string> {
  const { args, platform, machine } = request;
  const stage = request.target ?? file.stages.at(-1)?.from.as ?? '';
  const values = platformArguments(platform, machine, { stage, given: args });
  for (const instruction of file.globals) {
    const expand = expanderFor(file, instruction, (name) => own(values, name));
    for (const { name, value } of instruction.args) {
      const isGiven = own(args, name) !== undefined;
      const standard = value === undefined || isGiven ? value : expand.one(value);
      const chosen = argumentValue({ given: args, globals: values }, name, standard);
      if (chosen !== undefined) values[name] = chosen;
    }
  }
  return values;
}
