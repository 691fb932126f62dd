// What ioredis does with a cluster, its own way: usage: ioredis_clients.js HOST:PORT. Prints "fine" at the end.
"use strict";
const assert = require("assert");
const Redis = require("ioredis");

const [host, port] = [process.argv[2].split(":")[0], Number(process.argv[2].split(":")[1])];

// A plain client, which knows of no cluster.
async function plainly() {
  const r = new Redis({ host, port, connectionName: "plain" });
  assert.equal(await r.ping(), "PONG");
  await r.flushall();
  assert.equal(await r.client("GETNAME"), "plain");
  await r.mset({ a: 1, b: 2, c: 3 });
  assert.deepEqual(await r.mget("a", "nosuch", "c"), ["1", null, "3"]);
  assert.equal(await r.set("a", "x", "PX", 60000, "NX"), null);
  assert.ok((await r.pttl("a")) === -1);
  assert.deepEqual(await r.getBuffer("b"), Buffer.from("2"));
  const bytes = Buffer.from([0, 255, 10, 13, 0]);
  await r.set("bytes", bytes);
  assert.deepEqual(await r.getBuffer("bytes"), bytes);
  await r.hset("h", { field: "value", other: "1" });
  assert.deepEqual(await r.hgetall("h"), { field: "value", other: "1" });
  await r.zadd("z", 1, "one", 2.5, "two");
  assert.deepEqual(await r.zrange("z", 0, -1, "WITHSCORES"), ["one", "1", "two", "2.5"]);
  assert.deepEqual(await r.xread("STREAMS", "s", "0").catch((e) => e.message.split(" ").slice(0, 3)), ["ERR", "unknown", "command"]);

  const piped = await r.pipeline().set("p", 1).incr("p").lpush("p", "x").get("p").exec();
  assert.deepEqual([piped[0], piped[1], piped[3]], [[null, "OK"], [null, 2], [null, "2"]]);
  assert.match(piped[2][0].message, /^WRONGTYPE /);

  for (let i = 0; i < 12; ++i) {
    const key = `{t${i}}`;
    await r.watch(key);
    assert.deepEqual(await r.multi().set(key, i).incr(key).exec(), [[null, "OK"], [null, i + 1]]);
    await r.watch(key);
    await r.set(key, "changed");
    assert.equal(await r.multi().set(key, i).exec(), null);
    const other = r.duplicate();
    const popped = other.blpop(key + "l", 20);
    await r.rpush(key + "l", "element");
    assert.deepEqual(await popped, [key + "l", "element"]);
    other.disconnect();
  }

  const seen = [];
  for await (const page of r.scanStream({ match: "{t*", count: 5 })) seen.push(...page);
  assert.equal(new Set(seen).size, 12);
  await r.quit();
}

async function channels() {
  const listener = new Redis({ host, port });
  const r = new Redis({ host, port });
  const heard = new Promise((done) => listener.on("message", (channel, text) => done([channel, text])));
  const matched = new Promise((done) => listener.on("pmessage", (pattern, channel, text) => done([pattern, channel, text])));
  assert.equal(await listener.subscribe("news"), 1);
  assert.equal(await listener.psubscribe("n*"), 2);
  await r.publish("news", "hello");
  assert.deepEqual(await heard, ["news", "hello"]);
  assert.deepEqual(await matched, ["n*", "news", "hello"]);
  listener.disconnect();
  await r.quit();
}

// One that goes straight to owners.
async function clusterAware() {
  const c = new Redis.Cluster([{ host, port }]);
  await c.set("k", "v");
  assert.equal(c.nodes("master").length, 3);
  for (let i = 0; i < 300; ++i) await c.set(`c${i}`, i);
  for (let i = 0; i < 300; ++i) assert.equal(await c.get(`c${i}`), String(i));
  assert.deepEqual(await c.pipeline().set("{s}a", 1).incr("{s}a").exec(), [[null, "OK"], [null, 2]]);
  await c.quit();
}

(async () => {
  await plainly();
  await channels();
  await clusterAware();
  console.log("fine");
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
