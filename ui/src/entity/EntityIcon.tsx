import type { CSSProperties } from 'react';
import { useDrawing } from '../vocabulary/useDrawing';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { lookOf } from '../vocabulary/vocabulary';
import classes from './EntityIcon.module.css';

type TypeColour = CSSProperties & { '--type-colour'?: string };

interface Props {
  type: string;
  keyClass: string;
  size?: number;
}

/** The icon of an entity's class in the class's colour, as the ontology has them; grey and bare until it is known. */
export function EntityIcon({ type, keyClass, size = 28 }: Props) {
  const vocabulary = useVocabulary();
  const { colour, icon } = vocabulary ? lookOf(vocabulary, type, keyClass) : { colour: null, icon: null };
  const style: TypeColour = { width: size, height: size, ...(colour ? { '--type-colour': colour } : {}) };
  return (
    <span className={classes.icon} style={style} data-icon={icon ?? undefined} aria-hidden>
      {vocabulary && <Glyph icon={icon} size={Math.round(size * 0.6)} />}
    </span>
  );
}

/** The bare icon of a urn's kind, in its colour. */
export function KindGlyph({ kind, size }: { kind: string | undefined; size: number }) {
  const key = useVocabulary()?.types.find((type) => type.kind === kind && type.keyClass === type.name);
  const style: TypeColour = key?.colour ? { '--type-colour': key.colour } : {};
  return (
    <span className={classes.bare} style={style} aria-hidden>
      <Glyph icon={key?.icon ?? null} size={size} />
    </span>
  );
}

/** A Tabler icon by its name, in the colour of what stands around it. */
export function Glyph({ icon, size }: { icon: string | null; size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8} strokeLinecap="round" strokeLinejoin="round">
      {useDrawing(icon).map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
