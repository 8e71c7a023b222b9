/** Connections between our processes and each store: cut, half a reply, half-open, slow, sliced. */
import type { Misbehaviour } from '../../support/link.ts';
import type { DrillStack, StoreName } from '../stack.ts';
import { NotMet, wait, type Fault } from './fault.ts';

interface Bad {
  readonly name: string;
  readonly does: string;
  readonly how: Partial<Misbehaviour>;
  readonly forMs: number;
  readonly cutFirst?: boolean;
}

const ways: readonly Bad[] = [
  { name: 'half-open-1s', does: 'says nothing for 1 s', how: { silent: true }, forMs: 1000 },
  { name: 'half-open-4s', does: 'says nothing for 4 s', how: { silent: true }, forMs: 4000 },
  { name: 'slow', does: 'answers 150 ms late for 2 s', how: { delayMs: 150 }, forMs: 2000 },
  { name: 'sliced', does: 'sends one byte at a time for 1 s', how: { pieceBytes: 1 }, forMs: 1000 },
  {
    name: 'refused',
    does: 'is cut and refuses connections for 1 s',
    how: { refusing: true },
    forMs: 1000,
    cutFirst: true,
  },
];

function misbehaving(store: StoreName, { name, does, how, forMs, cutFirst }: Bad): Fault {
  return {
    name: `${store}-${name}`,
    kind: 'connection',
    does: `${store} ${does}`,
    async run({ stack }) {
      const proxy = stack.proxies[store];
      proxy.misbehave(how);
      if (cutFirst === true) proxy.drop();
      await wait(forMs);
      proxy.behave();
    },
  };
}

const cut = (store: StoreName): Fault => ({
  name: `${store}-cut`,
  kind: 'connection',
  does: `every connection to ${store} is reset`,
  run({ stack }) {
    stack.proxies[store].drop();
    return Promise.resolve();
  },
});

const lostReply = (store: StoreName, replies: number): Fault => ({
  name: `${store}-lost-reply-${replies}`,
  kind: 'connection',
  does: `the next ${replies} answers of ${store} are lost, each with its connection`,
  run: ({ stack }) => lose(stack, store, replies, 0),
});

const cutReply = (store: StoreName): Fault => ({
  name: `${store}-cut-mid-reply`,
  kind: 'connection',
  does: `the next 3 answers of ${store} end in their middle, each with its connection`,
  run: ({ stack }) => lose(stack, store, 3, 0.5),
});

async function lose(
  stack: DrillStack,
  store: StoreName,
  replies: number,
  share: number,
): Promise<void> {
  const proxy = stack.proxies[store];
  const before = proxy.lost;
  proxy.loseReplies(replies, share);
  for (let i = 0; i < 100 && proxy.lost < before + replies; i += 1) await wait(20);
  proxy.behave();
  if (proxy.lost < before + replies) throw new NotMet('no answer came that could be lost');
}

const allOf = (store: StoreName): readonly Fault[] => [
  cut(store),
  lostReply(store, 1),
  lostReply(store, 5),
  cutReply(store),
  ...ways.map((bad) => misbehaving(store, bad)),
];

export const connectionFaults: Readonly<Record<StoreName, readonly Fault[]>> = {
  redis: allOf('redis'),
  postgres: allOf('postgres'),
  kafka: allOf('kafka'),
};
