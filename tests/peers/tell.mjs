// Tells events with the official JavaScript SDK, as an integrating system would: `node tell.mjs URL KEY` prints what came back.
import { CloudEvent, HTTP, Mode, emitterFor, httpTransport } from "cloudevents";

const [url, key] = process.argv.slice(2);
const headers = { authorization: `Bearer ${key}` };

const tested = new CloudEvent({
  id: "js-1",
  source: "/lifeqi",
  type: "idea.raised",
  subject: "idea/I-1",
  time: "2024-05-20T09:30:00.000Z",
  datacontenttype: "application/json",
  precision: "day",
  data: { title: "Ünïcode “quotes” 100 %" },
});

async function send(message, of = fetch) {
  const answer = await of(url, { method: "POST", headers: { ...headers, ...message.headers }, body: message.body });
  return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.json() };
}

const results = {
  structured: await send(HTTP.structured(tested)),
  binary: await send(HTTP.binary(tested)),
  batch: await send({
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify([tested, tested.cloneWith({ id: "js-2" })]),
  }),
};

// The emitter sends by itself, over node:http.
for (const [name, mode] of [["emitted_structured", Mode.STRUCTURED], ["emitted_binary", Mode.BINARY]]) {
  const emit = emitterFor(httpTransport(url), { mode });
  const answer = await emit(tested.cloneWith({ id: `js-${name.replaceAll("_", "-")}` }), { headers });
  results[name] = { status: 0, body: JSON.parse(answer.body) };
}

// What the feed gives is read back by the same SDK.
const feed = await fetch(url, { headers: { ...headers, accept: "application/cloudevents-batch+json" } });
const read = HTTP.toEvent({ headers: Object.fromEntries(feed.headers), body: await feed.text() });
results.read = read.map((event) => ({ id: event.id, data: event.data, valid: event.validate() }));

console.log(JSON.stringify(results));
