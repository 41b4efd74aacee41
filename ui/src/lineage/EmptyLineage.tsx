import { Button } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import type { EntityDetails } from '../api/schema';
import { displayName } from '../entity/naming';
import { moment } from '../entity/times';
import { Notice } from '../shell/Notice';
import { texts } from '../texts';
import type { Change } from './useViewState';
import type { ViewState } from './viewState';

const HAS_LINEAGE = new Set(['Dataset', 'Job', 'Model', 'Dashboard']);

interface Props {
  entity: EntityDetails;
  state: ViewState;
  change: Change;
}

/** No lineage: says which of the possible reasons it is. */
export function EmptyLineage({ entity, state, change }: Props) {
  const { short } = displayName(entity);
  const oneSided = state.up === 0 || state.down === 0;
  const why = !HAS_LINEAGE.has(entity.__typename)
    ? texts.lineage.emptyKind(entity.type)
    : state.at
      ? texts.lineage.emptyAsOf(moment(state.at))
      : oneSided
        ? texts.lineage.emptyDirection(short, state.up === 0 ? 'downstream' : 'upstream')
        : texts.lineage.emptyNever(short);
  return (
    <Notice icon={IconPlugConnected} title={texts.lineage.empty} why={why}>
      {state.at && <Button onClick={() => change({ at: null })}>{texts.lineage.toNow}</Button>}
      {oneSided && (
        <Button variant="default" onClick={() => change({ up: 1, down: 1 })}>
          {texts.lineage.showBoth}
        </Button>
      )}
    </Notice>
  );
}
