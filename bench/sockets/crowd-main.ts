/** The crowd as a process of its own, so that its CPU is told apart and holds up nobody's clock. */
import { playPart } from '../measure/priority.ts';
import type { Call, CallAnswer, CrowdSettings } from './calls.ts';
import { Crowd } from './crowd.ts';

let crowd: Crowd | null = null;

async function answer({ name, argument }: Call): Promise<unknown> {
  if (name === 'begin') {
    crowd = new Crowd(argument as CrowdSettings);
    return null;
  }
  if (crowd === null) throw new Error('nobody is there yet');
  if (name === 'join') return crowd.join(argument as string);
  if (name === 'ticks') return crowd.ticks(argument as number);
  return crowd[name]();
}

playPart('generator');
process.on('message', (message) => {
  const call = message as Call;
  const tell = (said: CallAnswer): void => void process.send?.(said);
  answer(call).then(
    (result) => tell({ id: call.id, result }),
    (error: unknown) => tell({ id: call.id, error: String(error) }),
  );
});
process.once('disconnect', () => process.exit(0));
