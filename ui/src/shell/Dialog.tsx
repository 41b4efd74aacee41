import { CloseButton, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { texts } from '../texts';
import classes from './Shell.module.css';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** Without the heading and the close button, where the content is its own heading. */
  bare?: boolean;
  size?: number;
  children: ReactNode;
}

/** A modal without Mantine's own head: that is a second page banner to assistive technology. */
export function Dialog({ opened, onClose, title, bare = false, size = 440, children }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      lockScroll={false}
      size={size}
      yOffset="10vh"
      padding={0}
      attributes={{ content: { 'aria-label': title } }}
      transitionProps={{ duration: 90 }}
    >
      {bare ? (
        children
      ) : (
        <div className={classes.dialog}>
          <div className={classes.dialogHead}>
            <h2>{title}</h2>
            <CloseButton aria-label={texts.details.close} onClick={onClose} />
          </div>
          {children}
        </div>
      )}
    </Modal>
  );
}
