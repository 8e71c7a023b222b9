/**
 * The least that a socket can do: uWebSockets.js alone, which sends every message back as it came. A
 * process of its own; it tells its port by a message.
 */
import * as uWS from 'uWebSockets.js';

const app = uWS.App();
app.ws('/*', {
  message: (ws, message, isBinary) => {
    ws.send(message, isBinary);
  },
});
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) throw new Error('no free port');
  process.send?.(uWS.us_socket_local_port(socket));
});
process.once('disconnect', () => process.exit(0));
