import { Fragment } from 'react';
import type { ReactNode } from 'react';
import { ago, moment } from '../entity/times';
import { CopyButton } from '../shell/CopyButton';
import { texts } from '../texts';
import classes from './Details.module.css';

export function Fact({ label, clip = false, children }: { label: string; clip?: boolean; children: ReactNode }) {
  return (
    <Fragment>
      <dt className={clip ? 'clip' : undefined} title={clip ? label : undefined}>
        {label}
      </dt>
      <dd>{children}</dd>
    </Fragment>
  );
}

export function Dim({ children }: { children: ReactNode }) {
  return <span className={classes.dim}>{children}</span>;
}

export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {moment(at)} <Dim>{ago(at)}</Dim>
    </time>
  );
}

export function Urn({ urn }: { urn: string }) {
  return (
    <span className={classes.urn}>
      <span className="mono clip" title={urn}>
        {urn}
      </span>
      <CopyButton text={() => urn} label={texts.details.copyUrn} done={texts.details.copied} size={22} />
    </span>
  );
}
