import { ActionIcon, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { Icon } from '@tabler/icons-react';

interface Props {
  text: () => string;
  label: string;
  done: string;
  icon?: Icon;
  size?: number;
}

export function CopyButton({ text, label, done, icon: Glyph = IconCopy, size = 28 }: Props) {
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <Tooltip label={clipboard.copied ? done : label}>
      <ActionIcon size={size} aria-label={label} onClick={() => clipboard.copy(text())}>
        {clipboard.copied ? <IconCheck size={16} stroke={1.7} /> : <Glyph size={16} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}
