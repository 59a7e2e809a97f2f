// Starts emulate's Slack, told by an address of its own where to bring events: its command line cannot be told.
// node emulate.mjs FOLDER PORT SEED, where FOLDER holds node_modules and SEED is a file of JSON.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, port, seedFile] = process.argv.slice(2);
const packed = join(folder, "node_modules", "emulate", "dist");
const load = (name) => import(pathToFileURL(join(packed, name)).href);

// The plugin is in a bundle whose name changes with each release.
const definesSlack = (name) => readFileSync(join(packed, name), "utf8").includes("var slackPlugin =");
const bundle = readdirSync(packed).find((name) => name.startsWith("dist-") && name.endsWith(".js") && definesSlack(name));
const { slackPlugin } = await load(bundle);
const register = slackPlugin.register;
slackPlugin.register = (app, store, webhooks, ...more) => {
  app.post("/_tests/subscribe", async (context) => {
    const { url } = await context.req.json();
    return context.json(webhooks.register({ url, events: ["*"], active: true, owner: "slack" }));
  });
  return register.call(slackPlugin, app, store, webhooks, ...more);
};

const { createEmulator } = await load("api.js");
const seed = JSON.parse(readFileSync(seedFile, "utf8"));
const running = await createEmulator({ service: "slack", port: Number(port), hostname: "127.0.0.1", seed });
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => running.close().finally(() => process.exit(0)));
}
