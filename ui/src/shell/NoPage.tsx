import { Button } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link } from 'wouter';
import { texts } from '../texts';
import { Notice } from './Notice';

export function NoPage() {
  return (
    <Notice icon={IconMapOff} title={texts.states.noPage} why={window.location.pathname} heading="h1">
      <Button component={Link} href="/">
        {texts.states.toHome}
      </Button>
    </Notice>
  );
}
