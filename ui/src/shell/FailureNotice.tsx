import { Button } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { useEffect } from 'react';
import { Failure } from '../api/gql';
import { texts } from '../texts';
import { Notice } from './Notice';

const RETRY_MS = 4_000;

interface Props {
  error: Error;
  retry: () => void;
  heading?: 'h1' | 'h2';
}

/** A request that failed. While the server is away it is tried again without being asked. */
export function FailureNotice({ error, retry, heading = 'h2' }: Props) {
  const away = error instanceof Failure && error.kind === 'away';
  useEffect(() => {
    if (!away) return;
    const timer = setInterval(retry, RETRY_MS);
    return () => clearInterval(timer);
  }, [away, retry]);
  return (
    <Notice
      icon={away ? IconPlugConnectedX : IconAlertTriangle}
      title={away ? texts.states.away : texts.states.refused}
      why={away ? texts.states.awayWhy : error.message}
      tone="bad"
      heading={heading}
    >
      <Button onClick={retry} variant="default">
        {texts.states.retry}
      </Button>
    </Notice>
  );
}
