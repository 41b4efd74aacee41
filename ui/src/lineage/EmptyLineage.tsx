import { Button } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import { Link } from 'wouter';
import type { EntityDetails } from '../api/schema';
import { entityAddress } from '../entity/address';
import { whenOf } from '../entity/asOf';
import { displayName } from '../entity/naming';
import { Notice } from '../shell/Notice';
import { texts } from '../texts';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import type { Change } from './useViewState';
import type { ViewState } from './viewState';

interface Props {
  entity: EntityDetails;
  state: ViewState;
  change: Change;
}

/** No lineage: says which of the possible reasons it is. */
export function EmptyLineage({ entity, state, change }: Props) {
  const { short } = displayName(entity);
  const oneSided = state.up === 0 || state.down === 0;
  const vocabulary = useVocabulary();
  const why = vocabulary?.byName.get(entity.type)?.carriesLineage === false
    ? texts.lineage.emptyKind(labelOf(vocabulary, entity.type))
    : state.at
      ? texts.lineage.emptyAsOf(whenOf(state.at))
      : oneSided
        ? texts.lineage.emptyDirection(short, state.up === 0 ? 'downstream' : 'upstream')
        : texts.lineage.emptyNever(short);
  return (
    <Notice icon={IconPlugConnected} title={texts.lineage.empty} why={why}>
      {state.at && <Button onClick={() => change({ at: null })}>{texts.asOf.toNow}</Button>}
      {oneSided && (
        <Button variant="default" onClick={() => change({ up: 1, down: 1 })}>
          {texts.lineage.showBoth}
        </Button>
      )}
      <Button component={Link} href={entityAddress(entity.urn, state.at)} variant="default">
        {texts.entity.page(short)}
      </Button>
    </Notice>
  );
}
