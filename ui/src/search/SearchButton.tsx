import { Kbd } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { texts } from '../texts';
import { useOpenSearch } from './SearchProvider';
import classes from './Search.module.css';

/** Looks like a search box, opens the palette. */
export function SearchButton({ large = false }: { large?: boolean }) {
  const open = useOpenSearch();
  return (
    <button type="button" className={classes.button} data-large={large || undefined} onClick={open} aria-keyshortcuts="/ Control+K">
      <IconSearch size={large ? 20 : 16} stroke={1.8} aria-hidden />
      <span className={classes.buttonText}>{texts.search.placeholder}</span>
      <span className={classes.hint} aria-hidden>
        <Kbd size="xs">Ctrl</Kbd>
        <Kbd size="xs">K</Kbd>
      </span>
    </button>
  );
}
