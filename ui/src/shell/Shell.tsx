import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconKeyboard, IconMoon, IconSun } from '@tabler/icons-react';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Link, useRoute } from 'wouter';
import { SearchButton } from '../search/SearchButton';
import { texts } from '../texts';
import { KeysHelp } from './KeysHelp';
import { Logo } from './Logo';
import { Position } from './Position';
import classes from './Shell.module.css';

export function Shell({ children }: { children: ReactNode }) {
  const [help, setHelp] = useState(false);
  const [home] = useRoute('/');
  useHotkeys([['shift+?', () => setHelp(true)], ['?', () => setHelp(true)]]);
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#content">
        {texts.shell.skip}
      </a>
      <header className={classes.header}>
        <Link href="/" className={classes.brand} aria-label={texts.product}>
          <Logo />
          <span>{texts.product}</span>
        </Link>
        <nav className={classes.nav} aria-label={texts.shell.navigation}>
          <NavLink href="/" label={texts.shell.home} />
          <NavLink href="/catalogue" label={texts.shell.catalogue} />
          <NavLink href="/legend" label={texts.shell.legend} />
        </nav>
        <div className={classes.search}>
          {!home && <SearchButton />}
        </div>
        <div className={classes.tools}>
          <Position />
          <Tooltip label={texts.shell.keys}>
            <ActionIcon aria-label={texts.shell.keys} onClick={() => setHelp(true)}>
              <IconKeyboard size={18} stroke={1.7} />
            </ActionIcon>
          </Tooltip>
          <ColourToggle />
        </div>
      </header>
      <main id="content" className={classes.main} tabIndex={-1}>
        {children}
      </main>
      <KeysHelp opened={help} onClose={() => setHelp(false)} />
    </div>
  );
}

function NavLink({ href, label }: { href: string; label: string }) {
  const [here] = useRoute(href);
  return (
    <Link href={href} className={classes.link} aria-current={here ? 'page' : undefined}>
      {label}
    </Link>
  );
}

function ColourToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const dark = scheme === 'dark';
  const label = dark ? texts.shell.toLight : texts.shell.toDark;
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
        {dark ? <IconSun size={18} stroke={1.7} /> : <IconMoon size={18} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}
