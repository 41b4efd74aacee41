/** Values of attributes as people read them, by the XML Schema type that the ontology gives the attribute. */
import { texts } from '../texts';
import { day, moment } from './times';

/** A value to show: as text, as a link out of the page, as a link to an entity, or as a block of JSON. */
export type Shown =
  | { as: 'text'; text: string; title?: string }
  | { as: 'link'; text: string; href: string }
  | { as: 'entity'; urn: string }
  | { as: 'json'; text: string };

/** One value; what is not of the type it should have is shown as it is. `currency` is for amounts of money. */
export function showValue(value: unknown, range: string, currency: string | null = null): Shown {
  if (typeof value === 'boolean') return { as: 'text', text: value ? texts.values.yes : texts.values.no };
  if (typeof value === 'number' || (typeof value === 'string' && (range === 'decimal' || range === 'integer'))) {
    return { as: 'text', text: amount(value, currency), title: String(value) };
  }
  if (typeof value !== 'string') return { as: 'json', text: JSON.stringify(value, null, 2) };
  return showText(value, range);
}

function showText(value: string, range: string): Shown {
  if (range === 'dateTime' && !Number.isNaN(Date.parse(value))) return { as: 'text', text: moment(value), title: value };
  if (range === 'date' && !Number.isNaN(Date.parse(value))) return { as: 'text', text: day(value), title: value };
  if (range === 'duration') return { as: 'text', text: spell(value), title: value };
  if (value.startsWith('urn:andon:')) return { as: 'entity', urn: value };
  if (isWebAddress(value)) return { as: 'link', text: value, href: value };
  const json = readObject(value);
  return json === null ? { as: 'text', text: value } : { as: 'json', text: JSON.stringify(json, null, 2) };
}

/** Only what a browser opens harmlessly becomes a link: never `javascript:`, nor what no browser knows. */
function isWebAddress(value: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(value) && URL.canParse(value);
}

/** Digits in groups, exactly as many as there are; money with its currency, which has at least two after the point. */
function amount(value: number | string, currency: string | null): string {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(String(value))) return String(value);
  const digits = { maximumFractionDigits: 20, minimumFractionDigits: currency === null ? 0 : 2 };
  // A decimal in a string is formatted from the string, without a way through a float.
  const text = new Intl.NumberFormat('en', digits).format(value as `${number}`);
  return currency === null ? text : `${text} ${currency}`;
}

function readObject(value: string): object | null {
  if (!/^\s*[[{]/.test(value)) return null;
  try {
    const read: unknown = JSON.parse(value);
    return typeof read === 'object' ? read : null;
  } catch {
    return null;
  }
}

const DURATION = /^(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const UNITS = ['year', 'month', 'week', 'day', 'hour', 'minute', 'second'];

/** "30 days" for P30D; what is no ISO 8601 duration stays as it is. */
function spell(value: string): string {
  const [, sign, ...parts] = DURATION.exec(value) ?? [];
  const said = UNITS.flatMap((unit, i) => (parts[i] === undefined ? [] : [texts.plural(Number(parts[i]), unit)]));
  return said.length > 0 ? (sign ? `−${said.join(', ')}` : said.join(', ')) : value;
}

const MONEY = /(cost|amount|price)$/i;
const CURRENCY = /currency$/i;

/** The currency of an attribute that is an amount of money: what the entity's one attribute of currency says. */
export function currencyOf(name: string, attributes: Record<string, unknown>): string | null {
  if (!MONEY.test(name)) return null;
  const said = Object.entries(attributes).filter(([other, value]) => CURRENCY.test(other) && typeof value === 'string');
  return said.length === 1 ? (said[0]?.[1] as string) : null;
}
