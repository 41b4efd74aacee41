import { Kbd, Loader } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useId, useState } from 'react';
import type { KeyboardEvent } from 'react';
import { useLocation } from 'wouter';
import type { Named } from '../api/schema';
import { addressOf } from '../entity/address';
import { EntityIcon } from '../entity/EntityIcon';
import { nameOfUrn, placeOf } from '../entity/naming';
import { Dialog } from '../shell/Dialog';
import { texts } from '../texts';
import { useVocabulary } from '../vocabulary/useVocabulary';
import { labelOf } from '../vocabulary/vocabulary';
import { Marked } from './Marked';
import { recentlyOpened } from './recent';
import classes from './Search.module.css';
import { useSearchResults } from './useSearchResults';

export function SearchPalette({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title={texts.search.label} size={620} bare>
      {opened && <Palette onClose={onClose} />}
    </Dialog>
  );
}

function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState(0);
  const [recent] = useState(recentlyOpened);
  const [, navigate] = useLocation();
  const vocabulary = useVocabulary();
  const list = useId();
  const { data, isFetching, error } = useSearchResults(typed);
  const asking = typed.trim() !== '';
  const options: Named[] = asking ? (data?.nodes ?? []) : recent;
  const chosen = Math.min(active, Math.max(0, options.length - 1));
  const more = asking && data ? data.totalCount - data.nodes.length : 0;

  useEffect(() => {
    document.getElementById(`${list}-${chosen}`)?.scrollIntoView({ block: 'nearest' });
  }, [list, chosen]);

  const open = (entity: Named | undefined) => {
    if (!entity) return;
    onClose();
    navigate(addressOf(entity));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && options.length > 0) {
      event.preventDefault();
      setActive((chosen + step + options.length) % options.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(options[chosen]);
    }
  };

  return (
    <div className={classes.palette}>
      <div className={classes.inputRow}>
        <IconSearch size={19} stroke={1.8} aria-hidden />
        <input
          className={classes.input}
          role="combobox"
          aria-label={texts.search.label}
          aria-expanded={options.length > 0}
          aria-controls={list}
          aria-activedescendant={options.length > 0 ? `${list}-${chosen}` : undefined}
          aria-autocomplete="list"
          placeholder={texts.search.placeholder}
          value={typed}
          spellCheck={false}
          autoComplete="off"
          data-autofocus
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
        {isFetching && <Loader size={16} aria-label={texts.states.loading} />}
      </div>
      {options.length > 0 && (
        <p className={classes.heading} aria-hidden>
          {asking ? texts.search.results : texts.search.recent}
        </p>
      )}
      <ul className={classes.list} role="listbox" id={list} aria-label={texts.search.results}>
        {options.map((entity, index) => (
          <li
            key={entity.urn}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen}
            className={classes.option}
            onMouseMove={() => setActive(index)}
            onClick={() => open(entity)}
          >
            <EntityIcon type={entity.type} keyClass={entity.__typename} />
            <span className={classes.optionText}>
              <span className={`${classes.optionName} clip`}>
                <Marked text={nameOfUrn(entity.urn)} query={typed} />
              </span>
              <span className={`${classes.optionPlace} clip`}>
                <Marked text={placeOf(entity)} query={typed} />
              </span>
            </span>
            <span className={classes.optionType}>{labelOf(vocabulary, entity.type)}</span>
          </li>
        ))}
      </ul>
      <PaletteMessage asking={asking} typed={typed} found={data ? data.totalCount : null} error={error} recent={recent.length} />
      <div className={classes.foot}>
        <span>
          <Kbd size="xs">↑</Kbd> <Kbd size="xs">↓</Kbd> {texts.search.move}
        </span>
        <span>
          <Kbd size="xs">Enter</Kbd> {texts.search.choose}
        </span>
        <span>
          <Kbd size="xs">Esc</Kbd> {texts.search.close}
        </span>
        {more > 0 && (
          <button
            type="button"
            className={classes.more}
            onClick={() => {
              onClose();
              navigate(`/catalogue?q=${encodeURIComponent(typed.trim())}`);
            }}
          >
            {texts.search.more(more)}
          </button>
        )}
      </div>
    </div>
  );
}

interface MessageProps {
  asking: boolean;
  typed: string;
  found: number | null;
  error: Error | null;
  recent: number;
}

function PaletteMessage({ asking, typed, found, error, recent }: MessageProps) {
  if (error) return <p className={classes.message} role="alert">{error.message}</p>;
  if (!asking) return recent === 0 ? <p className={classes.message}>{texts.search.start}</p> : null;
  if (found !== 0) return null;
  return (
    <div className={classes.message} role="status">
      <strong>{texts.search.nothing(typed.trim())}</strong>
      <br />
      {texts.search.nothingWhy}
    </div>
  );
}
