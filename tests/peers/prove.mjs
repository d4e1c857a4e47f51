// Reads a log as a C2SP tiled log with what Node and @transmute/rfc9162 bring, and nothing of ours.
import { createHash, createPublicKey, verify } from "node:crypto";
import { RFC9162 } from "@transmute/rfc9162";

const [prefix, apiKey, vkey, old] = process.argv.slice(2);
const headers = { authorization: `Bearer ${apiKey}` };

async function get(path, accept = "*/*") {
  const answer = await fetch(`${prefix}${path}`, { headers: { ...headers, accept } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

function opened(note) {
  const end = note.lastIndexOf("\n\n") + 1;
  const text = note.slice(0, end);
  const [name, , encoded] = vkey.split("+", 2).concat(vkey.slice(vkey.indexOf("+", vkey.indexOf("+") + 1) + 1));
  const raw = Buffer.from(encoded, "base64").subarray(1);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  const line = note.slice(end + 1).split("\n").find((one) => one.startsWith(`— ${name} `));
  const signature = Buffer.from(line.split(" ")[2], "base64");
  const id = createHash("sha256").update(`${name}\n`).update(Buffer.from([1])).update(raw).digest().subarray(0, 4);
  if (!signature.subarray(0, 4).equals(id)) throw new Error("another key has signed");
  if (!verify(null, Buffer.from(text), key, signature.subarray(4))) throw new Error("the signature is wrong");
  const [origin, size, root] = text.split("\n");
  if (origin !== name) throw new Error("another origin");
  return { size: Number(size), root: Buffer.from(root, "base64") };
}

const path = (number, width) => {
  let digits = String(number % 1000).padStart(3, "0");
  for (let left = Math.floor(number / 1000); left; left = Math.floor(left / 1000)) digits = `x${String(left % 1000).padStart(3, "0")}/${digits}`;
  return width === 256 ? digits : `${digits}.p/${width}`;
};

const tree = opened((await get("/log/checkpoint")).toString());
const entries = [];
for (let number = 0; number * 256 < tree.size; number++) {
  const width = Math.min(256, tree.size - number * 256);
  const hashes = await get(`/log/tile/0/${path(number, width)}`);
  const bundle = await get(`/log/tile/entries/${path(number, width)}`);
  for (let at = 0, n = 0; at < bundle.length; n++) {
    const length = bundle.readUInt16BE(at);
    const entry = bundle.subarray(at + 2, at + 2 + length);
    const leaf = Buffer.from(await RFC9162.leaf(entry));
    if (!leaf.equals(hashes.subarray(n * 32, n * 32 + 32))) throw new Error(`entry ${entries.length} is not its tile's`);
    entries.push(entry);
    at += 2 + length;
  }
}
const root = Buffer.from(await RFC9162.treeHead(entries));
const decoded = (list) => list.map((one) => Buffer.from(one, "base64"));

const index = Math.floor(tree.size / 3);
const receipt = JSON.parse(await get(`/events/${index + 1}/proof`, "application/json"));
const inclusion = { log_id: "", tree_size: receipt.size, leaf_index: receipt.index, inclusion_path: decoded(receipt.proof) };
const included = await RFC9162.verifyInclusionProof(opened(receipt.checkpoint).root, await RFC9162.leaf(Buffer.from(receipt.record)), inclusion);

const text = (await get(`/events/${index + 1}/proof`, "text/plain")).toString();
const [head, ...rest] = text.split("\n\n");
const [version, at, ...hashes] = head.split("\n");
const offline = await RFC9162.verifyInclusionProof(opened(rest.join("\n\n")).root, await RFC9162.leaf(entries[index]), {
  log_id: "", tree_size: tree.size, leaf_index: Number(at.split(" ")[1]), inclusion_path: decoded(hashes),
});

const grown = JSON.parse(await get(`/log/consistency?old=${old}`, "application/json"));
const consistent = await RFC9162.verifyConsistencyProof(Buffer.from(grown.old_root, "base64"), tree.root, {
  log_id: "", tree_size_1: grown.old, tree_size_2: grown.size, consistency_path: decoded(grown.proof),
});
const theirs = await RFC9162.consistencyProof({ log_id: "", tree_size: Number(old), leaf_index: 0, inclusion_path: [] }, entries);

console.log(JSON.stringify({
  size: tree.size,
  root: root.equals(tree.root),
  old_root: Buffer.from(await RFC9162.treeHead(entries.slice(0, Number(old)))).toString("base64") === grown.old_root,
  version, included, offline, consistent,
  same_consistency_proof: JSON.stringify(theirs.consistency_path.map((one) => Buffer.from(one).toString("base64"))) === JSON.stringify(grown.proof),
}));
