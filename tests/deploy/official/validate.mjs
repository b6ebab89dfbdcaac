// Holds objects (a JSON list on standard input) against the schemas that kubernetes-models compiles from Kubernetes' own OpenAPI and
// KEDA's own resource definitions. Those let unknown fields pass, as an API server of old drops them; here they are errors too: a
// field that its validator never reads is one that the schema does not know.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const roots = ["kubernetes-models", "@kubernetes-models/keda"].map((name) => join(process.argv[2], "node_modules", name, "_schemas"));
const schemas = roots.flatMap((root) => readdirSync(root).map((name) => join(root, name))).filter((path) => path.endsWith(".js"));

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// The schema of apps/v1 Deployment is in …AppsV1Deployment.js.
async function validatorOf({ apiVersion, kind }) {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const name = group.endsWith("keda.sh") ? "Keda" : capital(group.split(".")[0]);
  const found = schemas.filter((path) => path.endsWith(`${name}${capital(version)}${kind}.js`));
  if (found.length !== 1) throw new Error(`${found.length} schemas of ${apiVersion} ${kind}`);
  return (await import(pathToFileURL(found[0]))).validate;
}

// The object, noting which of its fields are read; one that is walked through as a whole is a map, whose keys are its own.
function watched(value, path, unread) {
  if (value === null || typeof value !== "object") return value;
  const inner = Array.isArray(value) ? [] : {};
  for (const [key, each] of Object.entries(value)) inner[key] = watched(each, `${path}/${key}`, unread);
  if (Array.isArray(value)) return inner;
  for (const key of Object.keys(value)) unread.add(`${path}/${key}`);
  return new Proxy(inner, {
    get(target, key) {
      unread.delete(`${path}/${String(key)}`);
      return target[key];
    },
    ownKeys(target) {
      for (const key of Object.keys(target)) unread.delete(`${path}/${key}`);
      return Reflect.ownKeys(target);
    },
  });
}

let wrong = 0;
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const unread = new Set();
  const validate = await validatorOf(object);
  const errors = validate(watched(object, "", unread)) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`);
  // within a field that is unknown nothing is read: the outermost says it
  for (const path of unread) if (!unread.has(path.slice(0, path.lastIndexOf("/")))) errors.push(`${path} is no known field`);
  console.log(`${errors.length ? "wrong" : "right"}  ${object.apiVersion} ${object.kind}`);
  for (const error of errors) console.log(`       ${error}`);
  wrong += errors.length;
}
process.exit(wrong ? 1 : 0);
