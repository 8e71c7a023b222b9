/** Which lines go into one order: those of one lane. The cart tells by it, and checkout chooses by it. Pure. */

/** The lane of most lines; of two with as many, that of the line that comes first. Of none 0. */
export function laneOfMost(lanes: readonly number[]): number {
  const count = (lane: number): number => lanes.filter((one) => one === lane).length;
  return lanes.reduce((best, lane) => (count(lane) > count(best) ? lane : best), lanes[0] ?? 0);
}
