// Checks deliveries with the official JavaScript library: `node verify.mjs` reads [{secret, headers, body}] and prints what it made of each.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const results = JSON.parse(readFileSync(0, "utf8")).map(({ secret, headers, body }) => {
  try {
    return { event: new Webhook(secret).verify(body, headers) };
  } catch (error) {
    return { refused: error.message };
  }
});
console.log(JSON.stringify(results));
