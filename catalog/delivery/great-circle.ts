/** Points on the globe: the distance between them and the centre of many. Pure. */

export interface Point {
  /** Degrees, −90…90. */
  readonly lat: number;
  /** Degrees, −180…180. */
  readonly lon: number;
}

const earthRadiusKm = 6371.0088;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;
const degrees = (angle: number): number => (angle * 180) / Math.PI;

/** Along the great circle (haversine), so the antimeridian and the poles are like anywhere else. */
export function distanceKm(a: Point, b: Point): number {
  const halfLat = Math.sin(radians(b.lat - a.lat) / 2);
  const halfLon = Math.sin(radians(b.lon - a.lon) / 2);
  const h = halfLat ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * halfLon ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The mean direction of the points from the earth's centre. Needs at least one. */
export function centreOf(points: readonly Point[]): Point {
  let [x, y, z] = [0, 0, 0];
  for (const { lat, lon } of points) {
    const across = Math.cos(radians(lat));
    x += across * Math.cos(radians(lon));
    y += across * Math.sin(radians(lon));
    z += Math.sin(radians(lat));
  }
  return { lat: degrees(Math.atan2(z, Math.hypot(x, y))), lon: degrees(Math.atan2(y, x)) };
}
