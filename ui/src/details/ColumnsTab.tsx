import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import type { EntityDetails } from '../api/schema';
import { inSchemaOrder } from '../lineage/columnView';
import { nameOfUrn } from '../entity/naming';
import { texts } from '../texts';
import classes from './Details.module.css';

/** More columns than this get a filter; more than `SHOWN` are cut until it narrows them. */
const FILTER_FROM = 12;
const SHOWN = 400;

interface Props {
  entity: EntityDetails;
  onColumn: (column: string) => void;
}

export function ColumnsTab({ entity, onColumn }: Props) {
  const [typed, setTyped] = useState('');
  const all = [...(entity.columns ?? [])].sort(inSchemaOrder);
  const described = new Map(entity.schema?.map((field) => [field.name, field]));
  if (all.length === 0) return <p className={`${classes.pad} ${classes.dim}`}>{texts.details.noColumns}</p>;
  const columns = all.filter((c) => nameOfUrn(c.urn).toLowerCase().includes(typed.toLowerCase()));
  return (
    <div className={classes.columns}>
      {all.length > FILTER_FROM && (
        <TextInput
          className={classes.filter}
          aria-label={texts.details.filterColumns}
          placeholder={texts.details.filterColumns}
          leftSection={<IconSearch size={15} stroke={1.7} />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      <table>
        <thead>
          <tr>
            <th>{texts.details.column}</th>
            <th>{texts.details.type}</th>
          </tr>
        </thead>
        <tbody>
          {columns.slice(0, SHOWN).map((column) => {
            const name = nameOfUrn(column.urn);
            const description = column.description ?? described.get(name)?.description;
            const tags = [...column.tags.map((tag) => tag.key), ...entity.tags.filter((t) => t.field === name).map((t) => t.key)];
            return (
              <tr key={column.urn}>
                <td>
                  <button type="button" className={classes.columnName} onClick={() => onColumn(column.urn)} title={texts.lineage.traceColumn(name)}>
                    {name}
                  </button>
                  {[...new Set(tags)].map((tag) => (
                    <span key={tag} className={classes.tag} data-alarm={tag.toLowerCase() === 'pii' || undefined}>
                      {tag}
                    </span>
                  ))}
                  {description && <div className={classes.dim}>{description}</div>}
                </td>
                <td className="mono">{column.dataType ?? described.get(name)?.type ?? ''}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
