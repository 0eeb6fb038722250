import process from 'node:process';

/** Runs one check and prints what came of it: a line of JSON for ../programs.ts. */
export async function check(name, body) {
  let error;
  try {
    await body();
  } catch (reason) {
    error = reason instanceof Error ? reason.message : String(reason);
  }
  process.stdout.write(`${JSON.stringify({ check: name, error })}\n`);
}
