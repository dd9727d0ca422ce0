// What somebody does with an SDK of Langfuse for JavaScript: node use.mjs PACKAGE. Prints what came back, as JSON.

const OTHER_CLIENT = `${process.env.LANGFUSE_BASEURL}/api/public/v2/prompts`;
const EXPIRED = -1; // seconds: what is kept so long is refreshed at once

const SDKS = {
  "@langfuse/client": ({ LangfuseClient }) => {
    const { prompt } = new LangfuseClient();
    return {
      create: (body) => prompt.create(body),
      get: (name, options) => prompt.get(name, options),
      update: (body) => prompt.update(body),
      remove: (name, options) => prompt.delete(name, options),
    };
  },
  langfuse: ({ Langfuse }) => {
    const client = new Langfuse();
    return {
      create: (body) => client.createPrompt(body),
      get: (name, { version, ...options } = {}) => client.getPrompt(name, version, options),
      update: (body) => client.updatePrompt(body),
    };
  },
};

const moved = (version) =>
  fetch(`${OTHER_CLIENT}/support%2Fgreeting/versions/${version}`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ newLabels: ["production"] }),
  });
const status = (call) =>
  call.then(() => "not refused", (error) => error.statusCode ?? error.message);

const name = "support/greeting";
const sdk = SDKS[process.argv[2]](await import(process.argv[2]));
const told = {};

const config = { model: "gpt-4o", temperature: 0.2 };
const first = { name, prompt: "Hello {{name}}!", labels: ["production"], tags: ["a"], config, commitMessage: "First" };
told.created = (await sdk.create(first)).version;
told.again = (await sdk.create(first)).version;
told.second = (await sdk.create({ name, prompt: "Hi {{ name }}", labels: ["staging"] })).version;

const got = await sdk.get(name);
told.got = { version: got.version, prompt: got.prompt, config: got.config, labels: got.labels, tags: got.tags };
told.compiled = got.compile({ name: "<Ada>" });
told.byVersion = (await sdk.get(name, { version: 2 })).compile({ name: "Ada" });
told.byLabel = (await sdk.get(name, { label: "staging" })).version;
told.latest = (await sdk.get(name, { label: "latest" })).labels;

const messages = [
  { role: "system", content: "Be {{how}}." },
  { type: "placeholder", name: "history" },
  { role: "user", content: "{{question}}" },
];
await sdk.create({ name: "chat", type: "chat", prompt: messages, labels: ["production"] });
const chat = await sdk.get("chat", { type: "chat" });
const history = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }];
told.chat = chat.compile({ how: "brief", question: "Why?" }, { history });
told.unfilled = chat.compile({ how: "brief" })[1];

await moved(2);
told.cached = (await sdk.get(name)).version;
told.uncached = (await sdk.get(name, { cacheTtlSeconds: 0 })).version;
const expired = { label: "production", cacheTtlSeconds: EXPIRED };
told.beforeRefresh = (await sdk.get(name, { ...expired, cacheTtlSeconds: 0 })).version;
await moved(1);
do {
  await new Promise(setImmediate); // an answer from the cache alone would never let the refresh go on
  told.refreshed = (await sdk.get(name, expired)).version;
} while (told.refreshed !== 1);

await sdk.update({ name, version: 2, newLabels: ["production", "blue"] });
told.updated = (await sdk.get(name)).labels;
await sdk.update({ name, version: 1, newLabels: ["No such Label"] }).catch(() => "langfuse 3 writes a line instead");
told.untouched = (await sdk.get(name, { version: 1 })).labels;

const away = { maxRetries: 0 };
told.noPrompt = await status(sdk.get("nothing", away));
told.noVersion = await status(sdk.get(name, { version: 9, ...away }));
const text = await sdk.get("nothing", { fallback: "Hello {{name}}", ...away });
told.fallback = [text.isFallback, text.compile({ name: "Ada" })];
const said = await sdk.get("nothing", { type: "chat", fallback: history, ...away });
told.chatFallback = [said.isFallback, said.compile()];

told.names = [];
for (const odd of ["a/versions/1", "with space/b&c=d+e", "100% é#%2F"]) {
  await sdk.create({ name: odd, prompt: odd, labels: ["production"] });
  told.names.push((await sdk.get(odd)).prompt === odd);
}

if (sdk.remove) {
  told.oneVersionStays = await status(sdk.remove("chat", { version: 1 }));
  await sdk.remove("chat");
  told.removed = await status(sdk.get("chat", { type: "chat", ...away }));
}

process.stdout.write(JSON.stringify(told));
