/** Three lamps of the board over the line. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="#1b2140" />
      <rect x="6" y="6" width="5.5" height="20" rx="2.75" fill="#ff6b6b" />
      <rect x="13.25" y="6" width="5.5" height="20" rx="2.75" fill="#fcc419" />
      <rect x="20.5" y="6" width="5.5" height="20" rx="2.75" fill="#51cf66" />
    </svg>
  );
}
