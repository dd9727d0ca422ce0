// Reads files as dotprompt does: an array of [file, variables] from the input, as {metadata, messages} to the output.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Dotprompt } = createRequire(process.argv[2])("dotprompt");
const answers = [];
for (const [source, input] of JSON.parse(readFileSync(0, "utf8"))) {
  const dotprompt = new Dotprompt();
  const parsed = dotprompt.parse(source);
  const { messages, input: declared } = await dotprompt.render(source, { input, messages: [] });
  const said = messages.map(({ role, content }) => ({ role, text: content.map(({ text }) => text).join("") }));
  answers.push({ model: parsed.model, config: parsed.config, declared, raw: parsed.raw, messages: said });
}
process.stdout.write(JSON.stringify(answers));
