import { Button } from '@mantine/core';
import { IconMapQuestion } from '@tabler/icons-react';
import { whenOf } from '../entity/asOf';
import { SearchButton } from '../search/SearchButton';
import { texts } from '../texts';
import { Notice } from './Notice';
import classes from './Shell.module.css';

interface Props {
  urn: string;
  at: string | null;
  onNow: () => void;
}

/** 404: no such entity, now or as of the moment asked for. */
export function Unknown({ urn, at, onNow }: Props) {
  return (
    <Notice
      icon={IconMapQuestion}
      title={texts.lineage.unknown}
      why={`${at ? texts.lineage.unknownThen(whenOf(at)) : texts.lineage.unknownWhy} ${urn}`}
      heading="h1"
    >
      {at && <Button onClick={onNow}>{texts.asOf.toNow}</Button>}
      <div className={classes.unknownSearch}>
        <SearchButton />
      </div>
    </Notice>
  );
}
