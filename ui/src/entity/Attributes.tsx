import { texts } from '../texts';
import type { AttributeRow } from './about';
import classes from './Entity.module.css';
import { Value } from './Value';

export function Attributes({ rows, at }: { rows: AttributeRow[]; at: string | null }) {
  return (
    <table className={classes.attributes} aria-label={texts.entity.attributes}>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row" title={row.definition ?? undefined}>
              {row.label}
            </th>
            <td>
              {row.values.map((value, i) => (
                <div key={i}>
                  <Value value={value} at={at} />
                </div>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
