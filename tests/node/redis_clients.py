"""What redis-py does with a cluster, its own way: usage: redis_clients.py HOST:PORT. Prints "fine" at the end."""
import sys
import threading

import redis
from redis.cluster import ClusterNode, RedisCluster

host, port = sys.argv[1].rsplit(":", 1)
port = int(port)


def check(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")


# A plain client, which knows of no cluster.
plain = redis.Redis(host, port, decode_responses=True, client_name="plain")
check(plain.ping(), "ping")
plain.flushall()
for i in range(200):
    plain.set(f"k{i}", i)
check(plain.dbsize() == 200, "dbsize")
check(len(plain.keys("k1*")) == 111, "keys")
check(len(set(plain.scan_iter(count=20))) == 200, "scan_iter")
check(plain.mget("k1", "nosuch", "k2") == ["1", None, "2"], "mget")
check(plain.delete("k1", "k2", "nosuch") == 2, "delete")
check(plain.client_getname() == "plain", "client_getname")
check(any(c["name"] == "plain" for c in plain.client_list()), "client_list")
check(plain.config_get("maxmemory*")["maxmemory-policy"] == "allkeys-lru", "config_get")
check(plain.config_set("slowlog-max-len", 7), "config_set")
check("cmdstat_set" in plain.info("commandstats"), "info")
check("get" in plain.command(), "command")
check(plain.command_getkeys("SET", "a", "b") == ["a"], "command_getkeys")
check(isinstance(plain.slowlog_get(), list), "slowlog_get")
check(plain.time()[0] > 0, "time")

# Channels.
listener = plain.pubsub()
listener.subscribe("news")
listener.psubscribe("n*")
heard = []
for message in listener.listen():
    heard.append((message["type"], message["data"]))
    if len(heard) == 2:
        threading.Thread(target=lambda: redis.Redis(host, port).publish("news", "hello")).start()
    if len(heard) == 4:
        break
check(("message", "hello") in heard and ("pmessage", "hello") in heard, f"pubsub {heard}")
listener.close()

# On keys of which the node owns some and others not.
for i in range(24):
    key = f"{{p{i}}}"
    with plain.pipeline(transaction=False) as pipe:
        pipe.set(key, i).incr(key).rpush(key + "l", "a", "b").get(key)
        check(pipe.execute() == [True, i + 1, 2, str(i + 1)], "pipeline")
    with plain.pipeline() as pipe:
        pipe.watch(key)
        pipe.multi()
        pipe.incr(key).get(key)
        check(pipe.execute() == [i + 2, str(i + 2)], "transaction")
    check(plain.blpop([key + "none", key + "l"], timeout=1) == (key + "l", "a"), "blpop of what is there")
    check(plain.brpop(key + "l") == (key + "l", "b"), "brpop")
    check(plain.blpop(key + "l", timeout=0.01) is None, "blpop in vain")
    pusher = threading.Thread(target=lambda k=key: redis.Redis(host, port).zadd(k + "z", {"m": 1.5}))
    pusher.start()
    check(plain.bzpopmin(key + "z", timeout=20) == (key + "z", "m", 1.5), "bzpopmin waits")
    pusher.join()
check(plain.object("idletime", "k7") < 60, "object idletime")

# One that goes straight to owners.
cluster = RedisCluster(startup_nodes=[ClusterNode(host, port)], decode_responses=True)
check(len(cluster.get_primaries()) == 3, f"primaries {cluster.get_primaries()}")
for i in range(300):
    cluster.set(f"c{i}", i)
check(all(cluster.get(f"c{i}") == str(i) for i in range(300)), "get of what was set")
check(cluster.mget_nonatomic("c1", "c2", "c3") == ["1", "2", "3"], "mget_nonatomic")
check(cluster.cluster_keyslot("{a}b") == 15495, "keyslot")
check(plain.get("c7") == "7", "what a cluster client set, a plain one gets")
print("fine")
