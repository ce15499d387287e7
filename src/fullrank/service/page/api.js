/* Asks the service; a problem becomes an error with its words, and a missing key is asked for. */
const KEY = "fullrank-key";

export class Refused extends Error {
  constructor(problem) {
    super(problem.field ? `${problem.field}: ${problem.detail}` : problem.detail);
    this.status = problem.status;
  }
}

export const keep = (key) => sessionStorage.setItem(KEY, key);

export const keyed = () => sessionStorage.getItem(KEY) !== null;

const headers = () => {
  const key = sessionStorage.getItem(KEY);
  return key ? { authorization: `Bearer ${key}` } : {};
};

export async function ask(path, { body, signal } = {}) {
  const options = { headers: headers(), signal };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  const reply = await fetch(path, options);
  if (reply.ok) return reply;
  let problem = { status: reply.status, detail: `status ${reply.status}` };
  try {
    problem = await reply.json();
  } catch {
    // not one of the service's own answers
  }
  throw new Refused(problem);
}

/* Whole numbers beyond 2^53 stay as they are written: ids, which as strings find the same rows. */
const exact = (name, value, context) =>
  Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source ? context.source : value;

export const json = async (path, options) => JSON.parse(await (await ask(path, options)).text(), exact);

/* The newest question of a kind alone counts: those before it are called off. */
export function newest() {
  let before = null;
  return async (run) => {
    before?.abort();
    const own = new AbortController();
    before = own;
    try {
      return await run(own.signal);
    } catch (error) {
      if (own.signal.aborted) return undefined;
      throw error;
    }
  };
}
