import type { EntityDetails } from '../api/schema';
import { CopyButton } from '../shell/CopyButton';
import { texts } from '../texts';
import classes from './Details.module.css';

export function FacetsTab({ entity }: { entity: EntityDetails }) {
  const facets = Object.entries(entity.facets).filter(([, facet]) => facet != null);
  if (facets.length === 0) return <p className={`${classes.pad} ${classes.dim}`}>{texts.details.noFacets}</p>;
  return (
    <div className={classes.pad}>
      {facets.map(([name, facet]) => {
        const text = JSON.stringify(facet, null, 2);
        return (
          <details key={name} className={classes.facet} open={facets.length === 1}>
            <summary>{name}</summary>
            <div className={classes.facetBody}>
              <pre className="mono" tabIndex={0}>{text}</pre>
              <span className={classes.facetCopy}>
                <CopyButton text={() => text} label={texts.home.copy} done={texts.home.copied} size={22} />
              </span>
            </div>
          </details>
        );
      })}
    </div>
  );
}
