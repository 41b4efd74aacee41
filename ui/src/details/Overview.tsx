import { Link } from 'wouter';
import type { EntityDetails, Named } from '../api/schema';
import { attributeRows } from '../entity/about';
import { addressOf } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { Value } from '../entity/Value';
import { displayName, platformOf } from '../entity/naming';
import { texts } from '../texts';
import { useTerms, useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import classes from './Details.module.css';
import { Dim, Fact, Urn, When } from './Facts';

export function Overview({ entity, at }: { entity: EntityDetails; at: string | null }) {
  const vocabulary = useVocabulary();
  const terms = useTerms(entity.type);
  const rows = terms.isPending ? [] : attributeRows(entity.properties, terms.data);
  const columnTags = entity.tags.filter((tag) => tag.field);
  return (
    <div className={classes.pad}>
      <p className={entity.description ? classes.prose : classes.dim}>{entity.description ?? texts.details.noDescription}</p>
      <dl className={classes.facts}>
        <Fact label={texts.details.owners}>
          {entity.owners.length > 0 ? entity.owners.map((owner) => <div key={owner.name}>{owner.name}</div>) : <Dim>{texts.details.noOwners}</Dim>}
        </Fact>
        {columnTags.length > 0 && (
          <Fact label={texts.details.tags}>
            {columnTags.map((tag) => (
              <div key={`${tag.key} ${tag.field}`}>
                {tag.key} <Dim>{tag.field}</Dim>
              </div>
            ))}
          </Fact>
        )}
        <Fact label={texts.details.type}>{entity.retired ? texts.details.retired : labelOf(vocabulary, entity.type)}</Fact>
        <Fact label={texts.details.platform}>{platformOf(entity.namespace) ?? <Dim>–</Dim>}</Fact>
        <Fact label={texts.details.namespace}>{entity.namespace}</Fact>
        <Fact label={texts.details.name}>{entity.name}</Fact>
        {entity.aliases.length > 0 && (
          <Fact label={texts.details.aliases}>
            {entity.aliases.map((alias) => (
              <div key={`${alias.namespace} ${alias.name}`}>
                {alias.name} <Dim>{alias.kind ? `${alias.kind.toLowerCase()}, ${alias.namespace}` : alias.namespace}</Dim>
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
      {entity.parent && <Related title={texts.details.parent} entities={[entity.parent]} />}
      {entity.inputs && <Related title={texts.details.inputs} entities={entity.inputs} />}
      {entity.outputs && <Related title={texts.details.outputs} entities={entity.outputs} />}
      {rows.length > 0 && (
        <section>
          <h3>{texts.entity.attributes}</h3>
          <dl className={classes.facts}>
            {rows.map(({ name, label, values }) => (
              <Fact key={name} label={label}>
                {values.map((value, i) => (
                  <div key={i}>
                    <Value value={value} at={at} />
                  </div>
                ))}
              </Fact>
            ))}
          </dl>
        </section>
      )}
      {!!entity.versions?.length && (
        <section>
          <h3>{texts.details.versions}</h3>
          <dl className={classes.facts}>
            {entity.versions.slice(0, 8).map((version) => (
              <Fact key={version.version} label={version.version} clip>
                <When at={version.createdAt} />
              </Fact>
            ))}
          </dl>
        </section>
      )}
    </div>
  );
}

export function Related({ title, entities }: { title: string; entities: Named[] }) {
  return (
    <section>
      <h3>{title}</h3>
      {entities.length === 0 && <p className={classes.dim}>{texts.details.nothing}</p>}
      <ul className={classes.related}>
        {entities.map((entity) => (
          <li key={entity.urn}>
            <Link href={addressOf(entity)}>
              <EntityIcon type={entity.type} keyClass={entity.__typename} size={22} />
              <span className="clip">{displayName(entity).short}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
