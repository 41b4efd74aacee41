import {
  IconBox, IconBrain, IconBroadcast, IconBuilding, IconChartBar, IconCoin, IconColumns3, IconDatabase, IconEye, IconFile,
  IconFileCertificate, IconPlayerPlay, IconSettings, IconShieldCheck, IconStack2, IconTable, IconTag, IconUser, IconUsers,
  IconAlertTriangle, IconServer,
} from '@tabler/icons-react';
import type { Icon } from '@tabler/icons-react';
import classes from './EntityIcon.module.css';

type Tint = 'blue' | 'cyan' | 'green' | 'grape' | 'orange' | 'grey' | 'amber';

/** By subclass first, then by key class; anything an organisation adds gets the box. */
const LOOKS: Record<string, [Icon, Tint]> = {
  Table: [IconTable, 'blue'], View: [IconEye, 'cyan'], MaterializedView: [IconEye, 'cyan'], Topic: [IconBroadcast, 'orange'],
  File: [IconFile, 'amber'], Dataset: [IconDatabase, 'blue'], Column: [IconColumns3, 'grey'], Model: [IconBrain, 'grape'],
  ModelVersion: [IconBrain, 'grape'], Dashboard: [IconChartBar, 'green'], Chart: [IconChartBar, 'green'],
  Job: [IconSettings, 'amber'], Run: [IconPlayerPlay, 'amber'], Person: [IconUser, 'grey'], Team: [IconUsers, 'grey'],
  Service: [IconServer, 'orange'], Policy: [IconShieldCheck, 'green'], CostItem: [IconCoin, 'amber'],
  Contract: [IconFileCertificate, 'green'], Assertion: [IconShieldCheck, 'green'], Incident: [IconAlertTriangle, 'orange'],
  Tag: [IconTag, 'grey'], GlossaryTerm: [IconTag, 'grey'], Domain: [IconStack2, 'blue'], DataProduct: [IconStack2, 'blue'],
  Environment: [IconBuilding, 'grey'],
};

interface Props {
  type: string;
  keyClass: string;
  size?: number;
}

export function EntityIcon({ type, keyClass, size = 28 }: Props) {
  const [Glyph, tint] = LOOKS[type] ?? LOOKS[keyClass] ?? [IconBox, 'grey'];
  return (
    <span className={classes.icon} data-tint={tint} style={{ width: size, height: size }} aria-hidden>
      <Glyph size={Math.round(size * 0.6)} stroke={1.8} />
    </span>
  );
}
