import { Button } from '@mantine/core';
import { IconBinaryTree2, IconHistory, IconLink, IconUsers } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import type { EntityWithRelations, Tag } from '../api/schema';
import { ColumnsTab } from '../details/ColumnsTab';
import { Dim, Fact, Urn, When } from '../details/Facts';
import { FacetsTab } from '../details/FacetsTab';
import { RunList } from '../details/RunList';
import { StateBadge } from '../details/StateBadge';
import { CopyButton } from '../shell/CopyButton';
import { texts } from '../texts';
import type { Terms } from '../vocabulary/useVocabulary';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import { attributeRows, relationGroups } from './about';
import { addressOf, legendAddress, lineageAddress } from './address';
import { whenOf } from './asOf';
import { AsOfPicker } from './AsOfPicker';
import { Attributes } from './Attributes';
import classes from './Entity.module.css';
import { EntityIcon } from './EntityIcon';
import { displayName, placeOf, platformOf, shown } from './naming';
import type { Neighbours } from './neighbours';
import { RelationGroups } from './RelationGroups';
import { duration } from './times';

/** Relations asked for, each way. */
export const RELATED = 500;

interface Props {
  entity: EntityWithRelations;
  terms: Terms | null | undefined;
  /** What the graph works out beside what was said. */
  neighbours: Neighbours[];
  at: string | null;
  onAt: (at: string | null) => void;
}

export function EntityView({ entity, terms, neighbours, at, onAt }: Props) {
  const [, navigate] = useLocation();
  const rows = attributeRows(entity.properties, terms);
  const groups = relationGroups(entity, terms, neighbours);
  const cut = [true, false].some((outgoing) => entity.relations.filter((one) => one.outgoing === outgoing).length >= RELATED);
  return (
    <article className={classes.page}>
      <Header entity={entity} at={at} onAt={onAt} />
      {at && (
        <p className={classes.past} role="status">
          <IconHistory size={15} stroke={1.8} aria-hidden />
          {texts.asOf.banner(whenOf(at))}
          <Button variant="subtle" size="compact-xs" onClick={() => onAt(null)}>
            {texts.asOf.toNow}
          </Button>
        </p>
      )}
      <div className={classes.columns}>
        <div className={classes.main}>
          <Section title={texts.entity.attributes}>
            {rows.length > 0 ? <Attributes rows={rows} at={at} /> : <p className={classes.dim}>{texts.entity.noAttributes}</p>}
          </Section>
          <Section title={texts.entity.relations}>
            {groups.length > 0 ? <RelationGroups groups={groups} at={at} /> : <p className={classes.dim}>{texts.entity.noRelations}</p>}
            {cut && <p className={classes.dim}>{texts.entity.cut(RELATED)}</p>}
          </Section>
          {entity.columns && (
            <Section title={texts.details.columns} count={entity.columns.length}>
              <div className={classes.bleed}>
                <ColumnsTab entity={entity} onColumn={(column) => navigate(addressOf({ urn: column }))} />
              </div>
            </Section>
          )}
          {entity.runs && (
            <Section title={texts.details.runs}>
              <RunList runs={entity.runs} />
            </Section>
          )}
          {Object.values(entity.facets).some((facet) => facet != null) && (
            <Section title={texts.details.facets}>
              <div className={classes.bleed}>
                <FacetsTab entity={entity} />
              </div>
            </Section>
          )}
        </div>
        <Known entity={entity} />
      </div>
    </article>
  );
}

function Header({ entity, at, onAt }: Pick<Props, 'entity' | 'at' | 'onAt'>) {
  const vocabulary = useVocabulary();
  const type = vocabulary?.byName.get(entity.type);
  const tags = entity.tags.filter((tag) => !tag.field);
  return (
    <header className={classes.header}>
      <EntityIcon type={entity.type} keyClass={entity.__typename} size={52} />
      <div className={classes.heading}>
        <p className={`${classes.over} clip`}>
          <Link href={legendAddress(entity.type)} title={type?.definition}>
            {labelOf(vocabulary, entity.type)}
          </Link>
          {[' ', placeOf(entity)].join('· ')}
        </p>
        <h1>{titleOf(entity)}</h1>
        {(tags.length > 0 || entity.dropped || entity.retired) && (
          <ul className={classes.badges} aria-label={texts.details.tags}>
            {entity.dropped && <li className={classes.bad}>{texts.details.dropped}</li>}
            {entity.retired && <li className={classes.bad}>{texts.details.retired}</li>}
            {tags.map((tag) => (
              <li key={`${tag.key} ${tag.value}`} className={classes.tag} data-alarm={tag.key.toLowerCase() === 'pii' || undefined}>
                {textOf(tag)}
              </li>
            ))}
          </ul>
        )}
        {(entity.owners.length > 0 || type?.carriesLineage) && (
          <p className={classes.owners}>
            <IconUsers size={15} stroke={1.7} aria-hidden />
            <span className="unseen">{texts.details.owners}: </span>
            {entity.owners.length === 0 && <Dim>{texts.home.noOwner}</Dim>}
            {entity.owners.map((owner) => (
              <span key={`${owner.name} ${owner.type}`}>
                {owner.name} {owner.type && <Dim>{owner.type.toLowerCase()}</Dim>}
              </span>
            ))}
          </p>
        )}
        <p className={entity.description ? classes.prose : classes.dim}>{entity.description ?? texts.details.noDescription}</p>
      </div>
      <div className={classes.actions}>
        {type?.carriesLineage && (
          <Button component={Link} href={lineageFor(entity, at)} leftSection={<IconBinaryTree2 size={15} stroke={1.8} aria-hidden />}>
            {texts.lineage.crumb}
          </Button>
        )}
        <AsOfPicker at={at} onChange={onAt} />
        <CopyButton text={() => window.location.href} label={texts.lineage.copyLink} done={texts.lineage.copied} icon={IconLink} />
      </div>
    </header>
  );
}

/** What people call it, where somebody has said so. */
function titleOf(entity: EntityWithRelations): string {
  const said = entity.properties.displayName;
  return typeof said === 'string' && said.trim() ? shown(said) : displayName(entity).short;
}

/** A column's lineage is its path in that of its dataset. */
function lineageFor(entity: EntityWithRelations, at: string | null): string {
  return entity.dataset ? addressOf(entity) : lineageAddress(entity.urn, at);
}

function textOf({ key, value }: Tag): string {
  return value ? `${key}: ${value}` : key;
}

function Section({ title, count, children }: { title: string; count?: number; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <h2>
        {title} {count !== undefined && <span className={classes.dim}>{texts.count(count)}</span>}
      </h2>
      {children}
    </section>
  );
}

/** What every entity has, whatever its class. */
function Known({ entity }: { entity: EntityWithRelations }) {
  const vocabulary = useVocabulary();
  const keyClass = vocabulary?.byName.get(entity.type)?.keyClass;
  const columnTags = entity.tags.filter((tag) => tag.field);
  return (
    <aside className={classes.known} aria-label={texts.entity.known}>
      <dl>
        <Fact label={texts.details.type}>
          {labelOf(vocabulary, entity.type)}
          {keyClass && keyClass !== entity.type && <Dim> {texts.entity.kindOf(labelOf(vocabulary, keyClass).toLowerCase())}</Dim>}
        </Fact>
        {entity.state && (
          <Fact label={texts.details.state}>
            <StateBadge state={entity.state} />
          </Fact>
        )}
        {entity.startedAt && (
          <Fact label={texts.details.started}>
            <When at={entity.startedAt} />
          </Fact>
        )}
        {entity.startedAt && entity.endedAt && <Fact label={texts.details.took}>{duration(entity.startedAt, entity.endedAt)}</Fact>}
        {entity.dataType && <Fact label={texts.entity.dataType}>{entity.dataType}</Fact>}
        {columnTags.length > 0 && (
          <Fact label={texts.entity.columnTags}>
            {columnTags.map((tag) => (
              <div key={`${tag.key} ${tag.field}`}>
                {textOf(tag)} <Dim>{tag.field}</Dim>
              </div>
            ))}
          </Fact>
        )}
        <Fact label={texts.details.name}>{entity.name}</Fact>
        <Fact label={texts.details.namespace}>{entity.namespace}</Fact>
        {platformOf(entity.namespace) && <Fact label={texts.details.platform}>{platformOf(entity.namespace)}</Fact>}
        {entity.aliases.length > 0 && (
          <Fact label={texts.details.aliases}>
            {entity.aliases.map((alias) => (
              <div key={`${alias.namespace} ${alias.name}`}>
                {alias.name} <Dim>{alias.namespace}</Dim>
              </div>
            ))}
          </Fact>
        )}
        {!!entity.versions?.length && (
          <Fact label={texts.details.versions}>
            {entity.versions.slice(0, 3).map((version) => (
              <div key={version.version} className={classes.version}>
                <span className="mono clip" title={version.version}>
                  {version.version}
                </span>
                <When at={version.createdAt} />
              </div>
            ))}
          </Fact>
        )}
        <Fact label={texts.details.created}>
          <When at={entity.createdAt} />
        </Fact>
        <Fact label={texts.details.updated}>
          <When at={entity.updatedAt} />
        </Fact>
        <Fact label={texts.details.urn}>
          <Urn urn={entity.urn} />
        </Fact>
      </dl>
    </aside>
  );
}
