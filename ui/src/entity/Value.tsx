import { Link } from 'wouter';
import { entityAddress } from './address';
import { nameOfUrn } from './naming';
import classes from './Value.module.css';
import type { Shown } from './values';

export function Value({ value, at }: { value: Shown; at: string | null }) {
  switch (value.as) {
    case 'text':
      return <span title={value.title}>{value.text}</span>;
    case 'link':
      return (
        <a href={value.href} target="_blank" rel="noreferrer noopener" className={classes.link}>
          {value.text}
        </a>
      );
    case 'entity':
      return (
        <Link href={entityAddress(value.urn, at)} className={classes.link}>
          {nameOfUrn(value.urn)}
        </Link>
      );
    case 'json':
      return (
        <pre className={`mono ${classes.json}`} tabIndex={0}>
          {value.text}
        </pre>
      );
  }
}
