import { Button, Popover, TextInput } from '@mantine/core';
import { IconClock } from '@tabler/icons-react';
import { useState } from 'react';
import { texts } from '../texts';
import { asOf, whenOf } from './asOf';
import classes from './AsOfPicker.module.css';
import { toLocalInput } from './times';

const HOUR_MS = 3_600_000;
const SHORTCUTS: [string, number][] = [
  [texts.asOf.hour, HOUR_MS],
  [texts.asOf.day, 24 * HOUR_MS],
  [texts.asOf.week, 7 * 24 * HOUR_MS],
  [texts.asOf.month, 30 * 24 * HOUR_MS],
];

interface Props {
  at: string | null;
  onChange: (at: string | null) => void;
}

export function AsOfPicker({ at, onChange }: Props) {
  const [opened, setOpened] = useState(false);
  const choose = (to: string | null) => {
    setOpened(false);
    onChange(to);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" shadow="md" width={280} trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant={at ? 'light' : 'default'}
          leftSection={<IconClock size={15} stroke={1.8} />}
          onClick={() => setOpened(!opened)}
          className={at ? classes.past : undefined}
        >
          {at ? texts.asOf.then(whenOf(at)) : texts.asOf.now}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={texts.asOf.title}>
        <div className={classes.asOf}>
          <strong>{texts.asOf.title}</strong>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const typed = new FormData(event.currentTarget).get('at');
              if (typeof typed === 'string') choose(toIso(typed));
            }}
          >
            <TextInput
              type="datetime-local"
              name="at"
              label={texts.asOf.input}
              size="sm"
              defaultValue={toLocalInput(asOf(at)?.valid ?? new Date().toISOString())}
              required
              withAsterisk={false}
            />
            <Button type="submit" mt={8} fullWidth>
              {texts.asOf.show}
            </Button>
          </form>
          <div className={classes.shortcuts}>
            {SHORTCUTS.map(([label, back]) => (
              <Button key={label} variant="default" onClick={() => choose(minute(Date.now() - back))}>
                {label}
              </Button>
            ))}
          </div>
          <Button variant="subtle" disabled={at === null} onClick={() => choose(null)}>
            {texts.asOf.toNow}
          </Button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Whole minutes: the address stays short. */
function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

function toIso(local: string): string | null {
  const ms = Date.parse(local);
  return Number.isNaN(ms) ? null : minute(ms);
}
