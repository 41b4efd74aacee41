import { Button } from '@mantine/core';
import { IconHistory, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { whenOf } from '../entity/asOf';
import { texts } from '../texts';
import classes from './Lineage.module.css';
import type { View } from './merge';
import type { Change } from './useViewState';
import type { ViewState } from './viewState';

interface Props {
  view: View | null;
  state: ViewState;
  columnsCut: boolean;
  simplified: boolean;
  change: Change;
}

/** What the reader must know about this view before trusting it: it is past, cut, or drawn more plainly. */
export function Banners({ view, state, columnsCut, simplified, change }: Props) {
  const cut = view?.cutFrom != null ? texts.lineage.truncated(view.nodes.size, view.cutFrom) : null;
  return (
    <div className={classes.banners}>
      {state.at && (
        <Banner icon={<IconHistory size={15} stroke={1.8} aria-hidden />} tone="past">
          {texts.asOf.banner(whenOf(state.at))}
          <Button variant="subtle" size="compact-xs" onClick={() => change({ at: null })}>
            {texts.asOf.toNow}
          </Button>
        </Banner>
      )}
      {cut && <Banner>{cut}</Banner>}
      {columnsCut && <Banner>{texts.lineage.truncatedColumns}</Banner>}
      {simplified && <Banner>{texts.lineage.simplified}</Banner>}
    </div>
  );
}

function Banner({ icon, tone, children }: { icon?: ReactNode; tone?: string; children: ReactNode }) {
  return (
    <div className={classes.banner} data-tone={tone} role="status">
      {icon ?? <IconInfoCircle size={15} stroke={1.8} aria-hidden />}
      {children}
    </div>
  );
}
