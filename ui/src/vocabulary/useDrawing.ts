import { useEffect, useState } from 'react';
import { NEUTRAL, REST, SHIPPED } from 'virtual:icons';
import type { Drawing } from 'virtual:icons';

const known = new Map<string, Drawing>(Object.entries(SHIPPED));

/** Fetch an icon that is not in the bundle; where Tabler has none of the name, the neutral one takes its place. */
async function fetchIcon(icon: string): Promise<void> {
  const letter = REST[icon.charAt(0)];
  const found = letter ? (await letter()).default : {};
  known.set(icon, (Object.hasOwn(found, icon) ? found[icon] : undefined) ?? NEUTRAL);
}

/** The paths of a Tabler icon by its name; those of the neutral one until they have come. */
export function useDrawing(icon: string | null): Drawing {
  const drawing = icon === null ? NEUTRAL : known.get(icon);
  const [, setArrived] = useState('');
  useEffect(() => {
    if (icon === null || drawing) return;
    let wanted = true;
    fetchIcon(icon).then(
      () => wanted && setArrived(icon),
      () => undefined, // the server is away: the next icon shown asks again
    );
    return () => {
      wanted = false;
    };
  }, [icon, drawing]);
  return drawing ?? NEUTRAL;
}
