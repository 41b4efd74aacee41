import { ActionIcon, SegmentedControl, Switch, Tooltip } from '@mantine/core';
import { IconLayoutSidebarRight, IconLink, IconMinus, IconPlus, IconSitemap, IconTable } from '@tabler/icons-react';
import type { EntityDetails } from '../api/schema';
import { AsOfPicker } from '../entity/AsOfPicker';
import { EntityIcon } from '../entity/EntityIcon';
import { displayName } from '../entity/naming';
import { CopyButton } from '../shell/CopyButton';
import { texts } from '../texts';
import classes from './Lineage.module.css';
import type { Change } from './useViewState';
import { MAX_DEPTH } from './viewState';
import type { ViewState } from './viewState';

interface Props {
  entity: EntityDetails;
  state: ViewState;
  change: Change;
  panelOpen: boolean;
  onPanel: () => void;
}

export function Toolbar({ entity, state, change, panelOpen, onPanel }: Props) {
  const { short } = displayName(entity);
  const tableLabel = state.table ? texts.lineage.asGraph : texts.lineage.asTable;
  const panelLabel = panelOpen ? texts.lineage.hideDetails : texts.lineage.details;
  return (
    <div className={classes.toolbar}>
      <EntityIcon type={entity.type} keyClass={entity.__typename} size={26} />
      <h1 className={`${classes.title} clip`}>
        <span className="unseen">{texts.lineage.title('')}</span>
        {short}
      </h1>
      <div className={classes.controls}>
        <DirectionControl state={state} change={change} />
        <DepthControl state={state} change={change} />
        {entity.__typename !== 'Job' && (
          <Switch
            size="sm"
            label={texts.lineage.columns}
            checked={state.columns}
            onChange={() => change({ columns: !state.columns, column: null, wholePath: false })}
          />
        )}
        <AsOfPicker at={state.at} onChange={(at) => change({ at, selected: state.selected })} />
        <div className={classes.buttons}>
          <Tooltip label={tableLabel}>
            <ActionIcon aria-label={tableLabel} aria-pressed={state.table} onClick={() => change({ table: !state.table })}>
              {state.table ? <IconSitemap size={18} stroke={1.7} /> : <IconTable size={18} stroke={1.7} />}
            </ActionIcon>
          </Tooltip>
          <CopyButton text={() => window.location.href} label={texts.lineage.copyLink} done={texts.lineage.copied} icon={IconLink} />
          <Tooltip label={panelLabel}>
            <ActionIcon aria-label={panelLabel} aria-pressed={panelOpen} onClick={onPanel}>
              <IconLayoutSidebarRight size={18} stroke={1.7} />
            </ActionIcon>
          </Tooltip>
        </div>
      </div>
    </div>
  );
}

type Direction = 'both' | 'up' | 'down';

function DirectionControl({ state, change }: Pick<Props, 'state' | 'change'>) {
  const direction: Direction = state.up === 0 ? 'down' : state.down === 0 ? 'up' : 'both';
  const depth = Math.max(state.up, state.down);
  const turn = (to: Direction) => change({ up: to === 'down' ? 0 : depth, down: to === 'up' ? 0 : depth });
  return (
    <SegmentedControl
      size="xs"
      aria-label={texts.lineage.direction}
      value={direction}
      onChange={(value) => turn(value)}
      transitionDuration={0}
      withItemsBorders={false}
      className={classes.directions}
      data={[
        { value: 'both', label: texts.lineage.both },
        { value: 'up', label: texts.lineage.upstream },
        { value: 'down', label: texts.lineage.downstream },
      ]}
    />
  );
}

function DepthControl({ state, change }: Pick<Props, 'state' | 'change'>) {
  const depth = Math.max(state.up, state.down);
  const set = (to: number) => change({ up: state.up === 0 ? 0 : to, down: state.down === 0 ? 0 : to });
  return (
    <div className={classes.depth} role="group" aria-label={texts.lineage.depth}>
      <span>{texts.lineage.depth}</span>
      <ActionIcon size={22} aria-label={texts.lineage.shallower} disabled={depth <= 1} onClick={() => set(depth - 1)}>
        <IconMinus size={13} stroke={2} />
      </ActionIcon>
      <output>{depth}</output>
      <ActionIcon size={22} aria-label={texts.lineage.deeper} disabled={depth >= MAX_DEPTH} onClick={() => set(depth + 1)}>
        <IconPlus size={13} stroke={2} />
      </ActionIcon>
    </div>
  );
}
