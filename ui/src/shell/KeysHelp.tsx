import { Kbd } from '@mantine/core';
import { Fragment } from 'react';
import { texts } from '../texts';
import { Dialog } from './Dialog';
import classes from './Shell.module.css';

export function KeysHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title={texts.keys.title}>
      <dl className={classes.keys}>
        {texts.keys.list.map(([keys, what]) => (
          <Fragment key={keys}>
            <dt>
              <Kbd>{keys}</Kbd>
            </dt>
            <dd>{what}</dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>
  );
}
