/** The crowd, from outside: what it is asked, over the channel to its process. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SpoiltRun } from '../client/load.ts';
import type { Call, CallAnswer, CallName, CrowdCalls } from './calls.ts';

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class CrowdProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('crowd-main.js', import.meta.url)));
    this.#child.on('message', (message) => this.#take(message as CallAnswer));
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the crowd left: ${code}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Rejects with a SpoiltRun when it did not go as it should. */
  ask<Name extends CallName>(
    name: Name,
    ...[argument]: Parameters<CrowdCalls[Name]>
  ): Promise<ReturnType<CrowdCalls[Name]>> {
    const id = this.#calls++;
    const call: Call = { id, name, argument };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send(call);
    });
  }

  close(): void {
    this.#child.disconnect();
  }

  #take(said: CallAnswer): void {
    const waiting = this.#waiting.get(said.id);
    this.#waiting.delete(said.id);
    if ('error' in said) waiting?.reject(new SpoiltRun(said.error));
    else waiting?.resolve(said.result as never);
  }
}
