import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './Shell.module.css';

interface Props {
  icon: Icon;
  title: string;
  why?: string | undefined;
  tone?: 'calm' | 'bad';
  /** The page's main heading, where nothing else on the page is one. */
  heading?: 'h1' | 'h2';
  children?: ReactNode;
}

/** What a page or panel says when it has nothing to show: what, why, and what to do. */
export function Notice({ icon: Glyph, title, why, tone = 'calm', heading: Heading = 'h2', children }: Props) {
  return (
    <div className={classes.notice} role={tone === 'bad' ? 'alert' : undefined}>
      <span className={classes.glyph} data-tone={tone} aria-hidden>
        <Glyph size={28} stroke={1.6} />
      </span>
      <Heading>{title}</Heading>
      {why && <p>{why}</p>}
      {children && <div className={classes.buttons}>{children}</div>}
    </div>
  );
}
