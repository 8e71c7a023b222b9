// What a fault's row counts, and when the system is itself again.
import { describe, expect, it } from 'vitest';
import { History, type Asked } from '../../drill/history.ts';
import { felt, hasSettled, untilAnswered, type Mark } from '../../drill/measure.ts';

const asked = (startedAt: number, answeredAt: number, more: Partial<Asked> = {}): Asked => ({
  ...{ verb: 'hold', sale: 's', shopper: 0, key: 'k', body: null, order: '', said: '' },
  ...{ outcome: 'ok', status: 201, code: '', tries: 1, unavailable: 0, silent: 0 },
  ...{ feltFrom: 0, feltUntil: 0, startedAt, answeredAt, ...more },
});

describe('the row of a fault', () => {
  const row = (from: number, ...commands: Asked[]) => {
    const history = new History();
    history.commands.push(...commands);
    return felt(history.since(from), from);
  };

  it('has what was under way when it began, and not what was over', () => {
    const inFlight = asked(90, 400, { unavailable: 1, feltFrom: 150, feltUntil: 350 });
    const found = row(100, asked(50, 99), inFlight, asked(120, 130));
    expect(found).toMatchObject({ commands: 2, saw503: 1, feltMs: 200, longestMs: 300 });
  });

  it('is not felt before it began', () => {
    const both = asked(10, 300, { silent: 1, feltFrom: 20, feltUntil: 250 });
    const before = asked(10, 120, { silent: 1, feltFrom: 20, feltUntil: 60 });
    expect(row(100, both, before).feltMs).toBe(150);
    expect(row(100, before).feltMs).toBe(0);
    const told = { unavailable: 1, feltFrom: 20, feltUntil: 60 };
    expect(row(100, asked(10, 120, told))).toMatchObject({ saw503: 0, longestMs: 20 });
  });

  it('counts who gave up, and neither probes nor who waits still', () => {
    const gaveUp = asked(110, 10_110, { outcome: 'unknown', feltFrom: 120, feltUntil: 10_100 });
    const found = row(100, gaveUp, asked(110, 0), asked(110, 120, { probe: true }));
    expect(found).toMatchObject({ commands: 1, unanswered: 1, untrue: 1, feltMs: 9980 });
  });

  it('does not take a wrong answer for a true one', () => {
    const wrong = asked(110, 120, { outcome: 'refused', status: 500, untrue: true });
    const found = row(100, asked(110, 130), wrong);
    expect(found).toMatchObject({ commands: 2, unanswered: 0, untrue: 1 });
  });
});

describe('a row is read', () => {
  it('once who asked before the heal has an answer, whoever asks later', async () => {
    const history = new History();
    const [slow, later] = [asked(90, 0), asked(210, 0)];
    history.commands.push(asked(50, 99), slow, later);
    let isOver = false;
    const over = untilAnswered(history, 200).then(() => (isOver = true));
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(isOver).toBe(false);
    slow.answeredAt = 300;
    await over;
    expect(later.answeredAt).toBe(0);
  });
});

describe('the system is itself again', () => {
  const marks = (...of: Mark[]) => new Map(of.map((mark, i) => [`{lane:${i}}`, mark]));
  const heal = marks({ decided: 900, settled: 700 }, { decided: 50, settled: 50 });

  it('when every lane has settled what it had decided at the heal', () => {
    expect(
      hasSettled(heal, marks({ decided: 990, settled: 900 }, { decided: 60, settled: 50 })),
    ).toBe(true);
  });

  it('not when little is in doubt and nobody settles', () => {
    expect(hasSettled(heal, heal)).toBe(false);
    expect(
      hasSettled(heal, marks({ decided: 990, settled: 899 }, { decided: 50, settled: 50 })),
    ).toBe(false);
  });

  it('not when a lane is missing, or all are', () => {
    expect(hasSettled(heal, marks({ decided: 900, settled: 900 }))).toBe(false);
    expect(hasSettled(marks(), marks())).toBe(false);
  });
});
