import { Button, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import { Dialog } from '../shell/Dialog';
import { texts } from '../texts';
import { Failure } from './gql';
import { keepKey, readKey } from './key';

/** Asks for a key as soon as any request comes back with 401, then repeats what failed. */
export function KeyGate({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [key, setKey] = useState('');
  const [hadKey, setHadKey] = useState(false);

  useEffect(
    () =>
      client.getQueryCache().subscribe(({ query }) => {
        const { fetchStatus } = query.state;
        const error: unknown = query.state.error;
        if (fetchStatus !== 'idle' || !(error instanceof Failure) || error.kind !== 'key') return;
        setHadKey(readKey() !== null);
        setAsking(true);
      }),
    [client],
  );

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!key.trim()) return;
    keepKey(key.trim());
    setKey('');
    setAsking(false);
    void client.resetQueries();
  };

  return (
    <>
      {children}
      <Dialog opened={asking} onClose={() => setAsking(false)} title={texts.key.title}>
        <form onSubmit={submit}>
          <p style={{ color: 'var(--andon-dim)', marginBottom: 16, fontSize: 14 }}>{texts.key.why}</p>
          <PasswordInput
            label={texts.key.label}
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            error={hadKey ? texts.key.refused : null}
            autoComplete="off"
            data-autofocus
          />
          <Button type="submit" mt="md" size="sm" fullWidth>
            {texts.key.use}
          </Button>
        </form>
      </Dialog>
    </>
  );
}
