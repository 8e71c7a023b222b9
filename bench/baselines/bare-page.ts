/**
 * The least that a page can do: uWebSockets.js alone, answering every GET with the same bytes. A
 * process of its own, told by a message what to answer; it answers with its port.
 */
import * as uWS from 'uWebSockets.js';

export interface BareAnswer {
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

function serve({ headers, body }: BareAnswer): void {
  const app = uWS.App();
  app.get('/*', (res) => {
    res.cork(() => {
      for (const [name, value] of headers) res.writeHeader(name, value);
      res.end(body);
    });
  });
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('no free port');
    process.send?.(uWS.us_socket_local_port(socket));
  });
}

process.once('message', (answer) => {
  serve(answer as BareAnswer);
});
process.once('disconnect', () => process.exit(0));
