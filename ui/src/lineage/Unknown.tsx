import { Button } from '@mantine/core';
import { IconMapQuestion } from '@tabler/icons-react';
import { moment } from '../entity/times';
import { SearchButton } from '../search/SearchButton';
import { Notice } from '../shell/Notice';
import { texts } from '../texts';
import classes from './Lineage.module.css';

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
      why={`${at ? texts.lineage.unknownThen(moment(at)) : texts.lineage.unknownWhy} ${urn}`}
      heading="h1"
    >
      {at && <Button onClick={onNow}>{texts.lineage.toNow}</Button>}
      <div className={classes.unknownSearch}>
        <SearchButton />
      </div>
    </Notice>
  );
}
