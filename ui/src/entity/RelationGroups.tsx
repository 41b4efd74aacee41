import { IconArrowLeft, IconArrowRight } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { texts } from '../texts';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import type { RelationGroup, Target } from './about';
import { entityAddress } from './address';
import classes from './Entity.module.css';
import { EntityIcon } from './EntityIcon';
import { displayName, placeOf } from './naming';

/** More than these are shown on demand. */
const FIRST = 12;
/** As many fill the width of the page, in columns. */
const MANY = 5;

export function RelationGroups({ groups, at }: { groups: RelationGroup[]; at: string | null }) {
  return (
    <div className={classes.groups}>
      {groups.map((group) => (
        <Group key={`${group.outgoing} ${group.name}`} group={group} at={at} />
      ))}
    </div>
  );
}

function Group({ group, at }: { group: RelationGroup; at: string | null }) {
  const [all, setAll] = useState(false);
  const { targets, label, outgoing } = group;
  const shown = all ? targets : targets.slice(0, FIRST);
  const Arrow = outgoing ? IconArrowRight : IconArrowLeft;
  return (
    <section className={classes.group} data-many={targets.length >= MANY || undefined} aria-label={label}>
      <h3 title={group.definition ?? undefined}>
        <Arrow size={14} stroke={1.9} aria-hidden />
        {label}
        <span className={classes.dim}>{texts.count(targets.length)}</span>
      </h3>
      <ul>
        {shown.map((target) => (
          <Row key={target.urn} target={target} at={at} />
        ))}
      </ul>
      {targets.length > FIRST && (
        <button type="button" className={classes.more} aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? texts.entity.fewer : texts.entity.all(targets.length)}
        </button>
      )}
    </section>
  );
}

function Row({ target, at }: { target: Target; at: string | null }) {
  const vocabulary = useVocabulary();
  return (
    <li>
      <Link href={entityAddress(target.urn, at)} className={classes.target} title={`${target.namespace} ${target.name}`}>
        <EntityIcon type={target.type} keyClass={target.__typename} size={28} />
        <span className={classes.targetText}>
          <span className="clip">
            {displayName(target).short}
            {target.dropped && <span className={classes.bad}>{texts.lineage.dropped}</span>}
          </span>
          <span className={`${classes.dim} clip`}>{[labelOf(vocabulary, target.type), placeOf(target)].filter(Boolean).join(' · ')}</span>
        </span>
      </Link>
    </li>
  );
}
