import { Button } from '@mantine/core';
import { IconBug } from '@tabler/icons-react';
import { Component } from 'react';
import type { ReactNode } from 'react';
import { texts } from '../texts';
import { Notice } from './Notice';

/** Keeps a fault of one page from taking the header and the search with it. */
export class Faults extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Notice icon={IconBug} title={texts.states.broken} why={error.message} tone="bad" heading="h1">
        <Button onClick={() => window.location.reload()}>{texts.states.reload}</Button>
      </Notice>
    );
  }
}
