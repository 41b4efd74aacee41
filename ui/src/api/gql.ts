import { readKey } from './key';

/** What went wrong, by what the reader can do about it. */
export type FailureKind = 'away' | 'key' | 'refused';

/** `away`: no answer came; `key`: the server wants a key; `refused`: it answered with an error. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
  ) {
    super(message);
    this.name = 'Failure';
  }
}

interface Answer<T> {
  data?: T | null;
  errors?: { message: string }[];
}

/** POST one GraphQL operation; throws `Failure`, never a bare network error. */
export async function gql<T>(query: string, variables: object, signal?: AbortSignal): Promise<T> {
  const key = readKey();
  const headers = {
    'Content-Type': 'application/json',
    'X-Andon-Csrf': '1',
    ...(key ? { Authorization: `Bearer ${key}` } : {}),
  };
  const body = JSON.stringify({ query, variables });
  const response = await fetch('/graphql', { method: 'POST', headers, body, ...(signal ? { signal } : {}) }).catch(
    (error: unknown) => {
      if (signal?.aborted) throw error;
      throw new Failure('away', error instanceof Error ? error.message : String(error));
    },
  );
  if (response.status === 401) throw new Failure('key', await reasonOf(response));
  if ([502, 503, 504].includes(response.status)) throw new Failure('away', await reasonOf(response));
  const isJson = response.headers.get('Content-Type')?.includes('json') ?? false;
  const answer = isJson ? ((await response.json()) as Answer<T>) : {};
  if (answer.errors?.length) throw new Failure('refused', answer.errors.map((e) => e.message).join('; '));
  if (!response.ok || !answer.data) throw new Failure('refused', `HTTP ${response.status} ${response.statusText}`);
  return answer.data;
}

async function reasonOf(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  return problem.detail ?? problem.title ?? `HTTP ${response.status}`;
}
