/**
 * JSON logs on stdout, one object a line. Never a token, a key or a body in them: authorization
 * fields are removed even when somebody passes a whole header object.
 */
import { pino } from 'pino';
import type { Logger } from 'pino';

export type Log = Logger;

/** A logger whose every line carries `process`. */
export function createLog(processName: string, level: string): Log {
  return pino({
    level,
    base: { process: processName, pid: process.pid },
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['authorization', '*.authorization', 'token', '*.token'], remove: true },
  });
}
