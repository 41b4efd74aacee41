/** Times as people read them. All input is ISO 8601; all output is in the reader's own time zone. */

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'narrow' });
const days = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** "14m ago"; under a minute, "now". */
export function ago(iso: string, now: number = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : 'just now';
}

/** "23 Nov 2026, 11:40". */
export function moment(iso: string): string {
  return absolute.format(new Date(iso));
}

/** "23 Nov 2026" of an ISO date, which is the same day everywhere. */
export function day(iso: string): string {
  return days.format(new Date(iso));
}

/** "2m 14s", "1h 03m", "340ms"; null while either end is missing. */
export function duration(start: string | null, end: string | null): string | null {
  if (!start || !end) return null;
  const ms = Math.max(0, Date.parse(end) - Date.parse(start));
  if (ms < 1000) return `${ms}ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  const hours = Math.floor(seconds / 3600);
  return `${hours}h ${pad(Math.floor((seconds % 3600) / 60))}m`;
}

function pad(n: number): string {
  return String(n).padStart(2, '0');
}

/** An ISO moment as a `datetime-local` value, to the minute. */
export function toLocalInput(iso: string): string {
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
