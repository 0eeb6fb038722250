import { Command, CommanderError, Help, type Option } from 'commander';
import { BerthError, messageOf, systemCode, unavailable } from '#base/errors.ts';
import type { Context, Program } from '#cli/context.ts';
import { declareAppCommands } from '#cli/commands/apps.ts';
import { declareAdviseCommand, declareAutoscaleCommands } from '#cli/commands/autoscales.ts';
import { declareBaseCommands } from '#cli/commands/bases.ts';
import { declareBuildCommand } from '#cli/commands/builds.ts';
import { declareHistoryCommands } from '#cli/commands/histories.ts';
import { declareHostCommands } from '#cli/commands/host.ts';
import { declareIngressCommands } from '#cli/commands/ingress.ts';
import { declarePortsCommand } from '#cli/commands/ports.ts';
import { declarePolicyCommands } from '#cli/commands/policies.ts';
import { declareRegistryCommands } from '#cli/commands/registries.ts';
import { declareRunCommand } from '#cli/commands/runs.ts';
import { declareScheduleCommands } from '#cli/commands/schedules.ts';
import { declareSecretCommands } from '#cli/commands/secrets.ts';
import { declareSocketCommands } from '#cli/commands/sockets.ts';
import { declareSystemCommands } from '#cli/commands/systems.ts';
import { declareTransferCommands } from '#cli/commands/transfers.ts';
import { Output } from '#cli/output.ts';

const usageError = 2;

/** Runs one command line. Gives the exit code: 0, 1 for a failure, 2 for wrong usage. */
export async function runCommand(args: string[], program: Program): Promise<number> {
  const context = contextOf(args, program);
  try {
    const root = declare(context);
    await root.parseAsync(args, { from: 'user' });
    refuseLostOutput(context.output);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
    if (error instanceof BerthError) context.output.failure(error.message, error.hint);
    else context.output.failure(`unexpected error: ${messageOf(error)}`, 'please report it');
    return 1;
  }
}

/** A reader that left has seen what it wanted; on a full disk the result is missing. */
function refuseLostOutput({ lost }: Output): void {
  if (lost.aborted && systemCode(lost.reason) !== 'EPIPE')
    throw unavailable('output-lost', `the result could not be written: ${messageOf(lost.reason)}`);
}

function contextOf(args: string[], program: Program): Context {
  const { stdout, stderr } = process;
  const output = new Output({
    stdout,
    stderr,
    json: args.includes('--json'),
    environment: program.environment,
  });
  return {
    program,
    output,
    client: async () => {
      const [{ Client }, { readClientTls }] = await Promise.all([
        import('#cli/client.ts'),
        import('#cli/tls.ts'),
      ]);
      // Where a daemon elsewhere listens is no setting of this machine, with whose rules it would be checked.
      const host = program.environment['BERTH_HOST'] || (await program.settings()).settings.host;
      return new Client(host, await readClientTls(program.environment));
    },
  };
}

/** An option that may be given several times begins with none, which needs no words. */
function describeOption(option: Option): string {
  const isEmptyList = Array.isArray(option.defaultValue) && option.defaultValue.length === 0;
  return isEmptyList ? option.description : new Help().optionDescription(option);
}

function declare(context: Context): Command {
  const root = new Command('berth')
    .enablePositionalOptions()
    .description('Runs a compose.yaml in production on one machine, and is a Docker Engine to its clients.')
    .version(context.program.version, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'show the help of a command')
    .showSuggestionAfterError()
    .showHelpAfterError("(see 'berth --help')")
    .exitOverride()
    .configureHelp({ optionDescription: describeOption })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage.\nDOCKER_HOST=unix:///run/berth/berth.sock points any Docker client at Berth.\nBERTH_HOST=tcp://ADDRESS:2376 and BERTH_CERT_PATH=FOLDER (ca.pem, cert.pem, key.pem) reach a daemon elsewhere.',
    );
  declareAppCommands(root, context);
  declareHistoryCommands(root, context);
  declareBuildCommand(root, context);
  declareTransferCommands(root, context);
  declareRunCommand(root, context);
  declareScheduleCommands(root, context);
  declareAutoscaleCommands(root, context);
  declareAdviseCommand(root, context);
  declareIngressCommands(root, context);
  declarePolicyCommands(root, context);
  declarePortsCommand(root, context);
  declareSecretCommands(root, context);
  declareSocketCommands(root, context);
  declareBaseCommands(root, context);
  declareRegistryCommands(root, context);
  declareSystemCommands(root, context);
  declareHostCommands(root, context);
  return root;
}
