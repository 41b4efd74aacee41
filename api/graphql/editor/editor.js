// The page behind GET /graphql: write an operation, run it, look up the schema. Asks nothing of any other server.
"use strict";

const FIRST = `# Ctrl-Enter runs it.
{
  status { positionReceived positionProjected counts { type count } }
  entities(type: "Dataset", first: 10) {
    nodes { urn type description owners { name } tags { key } }
  }
}
`;

const SCHEMA = `{ __schema { types { name kind description
  fields { name description type { ...T } args { name type { ...T } } }
  inputFields { name type { ...T } } enumValues { name } } } }
fragment T on __Type { name kind ofType { name kind ofType { name kind ofType { name kind } } } }`;

const byId = (id) => document.getElementById(id);
const state = new URLSearchParams(location.hash.slice(1));
byId("query").value = state.get("query") ?? FIRST;
byId("variables").value = state.get("variables") ?? "";

async function ask(query, variables) {
  const headers = { "Content-Type": "application/json", "X-Andon-Csrf": "1" };
  const key = byId("key").value.trim();
  const position = byId("position").value;
  if (key) headers.Authorization = `Bearer ${key}`;
  if (position) headers["Andon-Min-Position"] = position;
  const answer = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  return answer.json();
}

async function run() {
  const query = byId("query").value;
  const text = byId("variables").value.trim();
  const started = performance.now();
  let shown;
  try {
    history.replaceState(null, "", "#" + new URLSearchParams(text ? { query, variables: text } : { query }));
    shown = JSON.stringify(await ask(query, text ? JSON.parse(text) : {}), null, 2);
  } catch (error) {
    shown = String(error);
  }
  byId("answer").textContent = shown;
  byId("took").textContent = `${Math.round(performance.now() - started)} ms`;
}

function typeName(type) {
  if (type.kind === "NON_NULL") return typeName(type.ofType) + "!";
  if (type.kind === "LIST") return `[${typeName(type.ofType)}]`;
  return type.name;
}

function element(name, text) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return made;
}

function signature(field) {
  const list = (field.args ?? []).map((arg) => `${arg.name}: ${typeName(arg.type)}`).join(", ");
  return `${field.name}${list ? `(${list})` : ""}${field.type ? `: ${typeName(field.type)}` : ""}`;
}

function showSchema(types, wanted) {
  const shown = types
    .filter((type) => !type.name.startsWith("__"))
    .map((type) => ({ type, members: type.fields ?? type.inputFields ?? type.enumValues ?? [] }))
    .filter(({ type, members }) =>
      !wanted || [type.name, ...members.map((member) => member.name)].some((name) => name.toLowerCase().includes(wanted)))
    .map(({ type, members }) => {
      const details = element("details");
      details.open = Boolean(wanted) || type.name === "Query";
      details.append(element("summary", type.name));
      if (type.description) details.append(element("p", type.description));
      const list = element("ul");
      for (const member of members) {
        const item = element("li", signature(member));
        if (member.description) item.title = member.description;
        list.append(item);
      }
      details.append(list);
      return details;
    });
  byId("schema").replaceChildren(...shown);
}

async function loadSchema() {
  try {
    const { data, errors } = await ask(SCHEMA, {});
    if (!data) throw new Error(errors?.[0]?.message ?? "the schema was not given");
    const types = data.__schema.types.sort((a, b) => (b.name === "Query") - (a.name === "Query") || a.name.localeCompare(b.name));
    showSchema(types, "");
    byId("search").oninput = (event) => showSchema(types, event.target.value.trim().toLowerCase());
  } catch (error) {
    byId("schema").textContent = String(error.message);
  }
}

byId("run").addEventListener("click", run);
byId("key").addEventListener("change", loadSchema);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});
loadSchema();
