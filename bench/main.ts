/**
 * The benchmarks: runs scenarios on a running stack, then the audit, and only when that holds says
 * what was measured. Exit code 0 = the audit holds.
 */
import { audit } from './audit.ts';
import { holds } from './findings.ts';
import type { Findings } from './findings.ts';
import { line } from './line/line.ts';
import { machine } from './measure/machine.ts';
import { playPart } from './measure/priority.ts';
import { micro } from './micro/micro.ts';
import { UsageError, usageCode } from './arguments.ts';
import { connectionsIn, readOptions, usage } from './options.ts';
import type { BenchOptions, ScenarioName } from './options.ts';
import { jsonOf, machineText, textOf } from './report.ts';
import type { Scenario } from './scenario.ts';
import { page } from './scenarios/page.ts';
import { soldOut } from './scenarios/sold-out.ts';
import { steady } from './scenarios/steady.ts';
import { search } from './search/search.ts';
import { sockets } from './sockets/sockets.ts';
import { readStackInfo } from './stack-info.ts';

const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  line,
  micro,
  page,
  search,
  sockets,
  steady,
  'sold-out': soldOut,
};

async function run(options: BenchOptions): Promise<number> {
  const aside = options.json ? process.stderr : process.stdout;
  const say = (line: string): void => void aside.write(`${line}\n`);
  const stack = readStackInfo(options.stack);
  const where = machine(options.stack);
  say(machineText(where));
  const findings: Findings[] = [];
  for (const name of options.scenarios) {
    const scenario = scenarios[name];
    const connections = options.connections ?? connectionsIn(name);
    playPart(scenario.part);
    findings.push(await scenario.run(stack, { ...options, connections }, say));
  }
  say('The audit:');
  const verdict = await audit(options.json ? process.stderr : 'inherit');
  if (!verdict.ok) {
    process.stderr.write(`The audit ${verdict.text}: this run has no number.\n`);
    return 1;
  }
  if (options.json) process.stdout.write(`${jsonOf(findings, where, new Date())}\n`);
  else for (const found of findings) say(`\n${textOf(found)}`);
  const missed = findings.flatMap(({ bars }) => bars).filter((bar) => !holds(bar));
  return options.strict && missed.length > 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  return run(options);
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${error instanceof UsageError ? error.message : text}\n`);
  process.exitCode = error instanceof UsageError ? usageCode : 1;
}
