// Loaded into every process of npm test: a test that failed, and whose resources then failed to go away, tells of both.
// Of such an error Node's runner passes on nothing but its stack, which is why the two are put there.
import { inspect } from 'node:util';

Error.prepareStackTrace = (error, frames) => {
  const stack = [String(error), ...frames.map(lineOf)].join('\n');
  if (!(error instanceof SuppressedError)) return stack;
  return `${stack}\n${inspect(error.suppressed)}\nand then, on the way out of it:\n${inspect(error.error)}`;
};

function lineOf(frame: NodeJS.CallSite): string {
  const place = [frame.getFileName() ?? '', frame.getLineNumber(), frame.getColumnNumber()].join(':');
  return `    at ${frame.getFunctionName() ?? '<anonymous>'} (${place})`;
}
