import { SegmentedControl, Skeleton, TextInput } from '@mantine/core';
import { IconSearch, IconZoomCancel } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { EntityType } from '../api/schema';
import { useStatus } from '../api/useStatus';
import { catalogueAddress } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { FailureNotice } from '../shell/FailureNotice';
import { Notice } from '../shell/Notice';
import { useTitle } from '../shell/useTitle';
import { texts } from '../texts';
import { answersTo, groupsOf } from './groups';
import type { Group } from './groups';
import classes from './Legend.module.css';
import { useVocabularyQuery } from './useVocabulary';
import { countsWithin } from './vocabulary';
import type { Branch, Vocabulary } from './vocabulary';

type Which = 'all' | 'used' | 'own';

/** What there can be in the graph: every class with its colour, its icon and what it means. */
export default function LegendPage() {
  useTitle(texts.legend.title);
  const vocabulary = useVocabularyQuery();
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <h1>{texts.legend.title}</h1>
        <p>{texts.legend.lead}</p>
      </header>
      {vocabulary.error && !vocabulary.data && <FailureNotice error={vocabulary.error} retry={() => void vocabulary.refetch()} />}
      {vocabulary.isPending && <Skeleton height={420} radius="lg" />}
      {vocabulary.data && <Legend vocabulary={vocabulary.data} />}
    </div>
  );
}

function Legend({ vocabulary }: { vocabulary: Vocabulary }) {
  const status = useStatus();
  const [typed, setTyped] = useState('');
  const [which, setWhich] = useState<Which>('all');
  const counts = useMemo(() => countsWithin(vocabulary, status.data?.counts ?? []), [vocabulary, status.data]);
  const groups = groupsOf(vocabulary).flatMap((group) => shown(group, (type) => isWanted(type, typed, which, counts)));
  const hasOwn = vocabulary.types.some((type) => type.own);
  useHashTarget();
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          className={classes.filter}
          aria-label={texts.legend.filter}
          placeholder={texts.legend.filter}
          leftSection={<IconSearch size={16} stroke={1.7} />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <SegmentedControl
          size="xs"
          aria-label={texts.legend.which}
          value={which}
          onChange={setWhich}
          transitionDuration={0}
          withItemsBorders={false}
          className={classes.which}
          data={[
            { value: 'all', label: texts.legend.all },
            { value: 'used', label: texts.legend.used },
            ...(hasOwn ? [{ value: 'own' as const, label: texts.legend.own }] : []),
          ]}
        />
        <span className={classes.dim}>{texts.legend.version(vocabulary.version)}</span>
      </div>
      {groups.length === 0 && <Notice icon={IconZoomCancel} title={texts.legend.none} why={texts.legend.noneWhy} />}
      {groups.map((group) => (
        <GroupOfBranches key={group.type?.name ?? ''} group={group} counts={counts} />
      ))}
    </>
  );
}

function isWanted(type: EntityType, typed: string, which: Which, counts: ReadonlyMap<string, number>): boolean {
  if (which === 'used' && !counts.has(type.name)) return false;
  if (which === 'own' && !type.own) return false;
  return answersTo(type, typed.trim());
}

/** The group with what is wanted of it; a key class stays for the sake of a class below it. */
function shown(group: Group, wanted: (type: EntityType) => boolean): Group[] {
  const branches = group.branches.flatMap((branch) => {
    const below = branch.below.filter(wanted);
    return wanted(branch.type) || below.length > 0 ? [{ ...branch, below }] : [];
  });
  return branches.length > 0 ? [{ ...group, branches }] : [];
}

function GroupOfBranches({ group, counts }: { group: Group; counts: ReadonlyMap<string, number> }) {
  const title = group.type?.label ?? texts.legend.other;
  return (
    <section className={classes.group} aria-label={title}>
      <h2>{title}</h2>
      {group.type && <p className={classes.dim}>{group.type.definition}</p>}
      <div className={classes.branches}>
        {group.branches.map((branch) => (
          <BranchCard key={branch.type.name} branch={branch} counts={counts} />
        ))}
      </div>
    </section>
  );
}

function BranchCard({ branch, counts }: { branch: Branch; counts: ReadonlyMap<string, number> }) {
  return (
    <div className={classes.branch} data-wide={branch.below.length > 2 || undefined}>
      <Entry type={branch.type} counts={counts} size={38} />
      {branch.below.length > 0 && (
        <ul>
          {branch.below.map((type) => (
            <li key={type.name}>
              <Entry type={type} counts={counts} size={26} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Entry({ type, counts, size }: { type: EntityType; counts: ReadonlyMap<string, number>; size: number }) {
  const count = counts.get(type.name);
  const Name = size > 30 ? 'h3' : 'span';
  return (
    <div className={classes.entry} id={type.name} tabIndex={-1}>
      <EntityIcon type={type.name} keyClass={type.keyClass ?? type.name} size={size} />
      <div className={classes.entryText}>
        <div className={classes.entryHead}>
          <Name className={classes.label}>{type.label}</Name>
          {type.own && <span className={classes.own}>{texts.legend.yours}</span>}
          {count !== undefined && (
            <Link href={catalogueAddress(type.name)} className={classes.count} aria-label={texts.legend.see(count, type.label)}>
              {texts.count(count)}
            </Link>
          )}
        </div>
        <p className={classes.dim}>{type.definition}</p>
      </div>
    </div>
  );
}

/** The browser looks for the address' fragment before the legend is there. */
function useHashTarget(): void {
  useEffect(() => {
    const target = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    if (!target) return;
    target.scrollIntoView({ block: 'center' });
    target.focus({ preventScroll: true });
  }, []);
}
