import { IconColumns3, IconHistory, IconTerminal2 } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import type { EntitySummary } from '../api/schema';
import { lineageAddress } from '../entity/address';
import { displayName } from '../entity/naming';
import { CopyButton } from '../shell/CopyButton';
import { texts } from '../texts';
import classes from './Home.module.css';

const DAY_MS = 86_400_000;

/** Every event below is complete: it gives "hello" a source and a column, so that there is something to see. */
function helloEvent(origin: string, at: string): string {
  const event = {
    eventType: 'COMPLETE', eventTime: at, producer: 'https://example.org/hello',
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
    run: { runId: crypto.randomUUID?.() ?? '01938e6a-7c3b-7d4e-8f5a-6b7c8d9e0f1a' },
    job: { namespace: 'hello', name: 'say.hello' },
    inputs: [{ namespace: 'postgres://localhost:5432', name: 'world.public.people' }],
    outputs: [{ namespace: 'postgres://localhost:5432', name: 'world.public.hello' }],
  };
  return `curl -X POST ${origin}/api/v1/lineage -H 'Content-Type: application/json' -d '${JSON.stringify(event)}'`;
}

export function FirstSteps({ datasets, empty }: { datasets: EntitySummary[]; empty: boolean }) {
  const [now] = useState(() => Date.now());
  const [command] = useState(() => helloEvent(window.location.origin, new Date(now).toISOString()));
  const example = datasets[0];
  const name = example ? displayName(example).short : '';
  const address = example ? lineageAddress(example.urn) : '';
  const yesterday = encodeURIComponent(new Date(now - DAY_MS).toISOString().slice(0, 16) + 'Z');
  return (
    <section aria-labelledby="try">
      <h2 id="try" className={classes.heading}>
        {empty ? texts.home.empty : texts.home.try}
      </h2>
      {empty && <p className={classes.emptyWhy}>{texts.home.emptyWhy}</p>}
      <div className={classes.steps}>
        {example && (
          <>
            <Link href={`${address}?cols=1`} className={classes.step}>
              <IconColumns3 size={20} stroke={1.7} aria-hidden />
              <h3>{texts.home.tryColumn}</h3>
              <p>{texts.home.tryColumnWhy(name)}</p>
            </Link>
            <Link href={`${address}?at=${yesterday}`} className={classes.step}>
              <IconHistory size={20} stroke={1.7} aria-hidden />
              <h3>{texts.home.tryPast}</h3>
              <p>{texts.home.tryPastWhy(name)}</p>
            </Link>
          </>
        )}
        <div className={classes.step}>
          <IconTerminal2 size={20} stroke={1.7} aria-hidden />
          <h3>{texts.home.tryEvent}</h3>
          <p>{texts.home.tryEventWhy}</p>
          <div className={classes.command}>
            <code className="mono clip">{command}</code>
            <CopyButton text={() => command} label={texts.home.copy} done={texts.home.copied} size={24} />
          </div>
        </div>
      </div>
    </section>
  );
}
