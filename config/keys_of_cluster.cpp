#include "config/key_rows.hpp"

namespace troupe {
namespace {

using namespace units;

constexpr std::string_view by_profile = "what the profile says";

using c = config;
using node = node_config;
using cluster = cluster_config;
using gossip = gossip_config;
using election = election_config;
using kvs = kvs_config;

std::vector<key> node_keys() {
  return {
      {"node", "name", in<&c::node, &node::name>,
       "The member's name: letters, digits, . _ - up to 64. Empty: the host's name. Two nodes of a cluster never share "
       "one; a restart under the same name is the same member."},
      {.section = "node",
       .name = "mode",
       .in = in<&c::node, &node::mode>,
       .doc = "The preset under this file; empty: the plain defaults. A flag or TROUPE_NODE_MODE wins over a file.",
       .words = {"", "single", "ha", "scaled", "kubernetes"}},
      {"node", "services", in<&c::node, &node::services>,
       "What this node runs: http, resp, cache, db, kvs, entities, console, or an embedder's module. There is no "
       "default: a node that is told none refuses to start, as an empty node that joins by accident can corrupt a "
       "deployment."},
      {"node", "data_dir", in<&c::node, &node::data_dir>,
       "Directory of everything kept on disk: vote file, cluster record, databases. Each node needs its own; a node "
       "that loses it comes back as a stranger without a vote."},
      {.section = "node",
       .name = "io_threads",
       .in = in<&c::node, &node::io_threads>,
       .doc = "Threads that serve sockets; a local cache command runs on the thread that read it. More than the cores "
              "only costs context switches.",
       .min = 1,
       .max = 256,
       .zero = "one for each core, at most 8"},
      {.section = "node",
       .name = "actor_threads",
       .in = in<&c::node, &node::actor_threads>,
       .doc = "Threads of the actor scheduler: membership, election, topology. They are idle nearly always; raise it "
              "for modules that compute in actors.",
       .min = 1,
       .max = 256},
      {.section = "node",
       .name = "drain_timeout",
       .in = in<&c::node, &node::drain_timeout>,
       .doc = "How long a departing node may wait for requests in flight. It ends earlier when there are none.",
       .max = 1 * hours},
      {"node", "tags", in<&c::node, &node::tags>,
       "Words for people and for placement, told to every member, e.g. { zone = \"a\", rack = \"7\" }. At most 16 of "
       "up to 128 bytes: they travel in gossip packets."},
  };
}

std::vector<key> cluster_keys() {
  return {
      {"cluster", "name", in<&c::cluster, &cluster::name>,
       "The cluster's name, the same on every node: a node of another name is refused. Letters, digits, . _ - up to "
       "64."},
      {"cluster", "bind", in<&c::cluster, &cluster::bind>,
       "host:port of gossip (UDP) and of the cluster link (TCP, same number). The host is an address, [v6] or an "
       "interface name such as eth0; port 0: one is picked. Outside loopback it needs secret_file."},
      {"cluster", "advertise", in<&c::cluster, &cluster::advertise>,
       "host:port that the others dial. Empty: what bind resolves to; needed only behind address translation."},
      {"cluster", "seeds", in<&c::cluster, &cluster::seeds>,
       "Some members to join by: host:port, srv:NAME or _service._proto.name (DNS service records). Every address of "
       "a name is tried, and names are resolved again at each attempt. Empty: start alone. The node itself may be "
       "among them, any may be down, and one that lives is enough."},
      {"cluster", "seeds_file", in<&c::cluster, &cluster::seeds_file>,
       "A file with more seeds, one a line, # for comments; looked at each second and read again when it changed. A "
       "bad line is logged once with its number. As long as the file cannot be read the node founds no cluster."},
      {"cluster", "dns_server", in<&c::cluster, &cluster::dns_server>,
       "ip or ip:port of the name server that resolves the names among the seeds. Empty: the system's (resolv.conf)."},
      {"cluster", "multicast", in<&c::cluster, &cluster::multicast>,
       "off, or an IPv4 group and port such as 239.255.70.70:7071, where members announce the cluster's name and "
       "their address to others of the same network. Only addresses to join by are learnt there. Needs "
       "expected_members above 1, or seeds: else nobody could know who founds the cluster."},
      {.section = "cluster",
       .name = "expected_members",
       .in = in<&c::cluster, &cluster::expected_members>,
       .doc = "Members that vote, the same on every node. A new cluster elects nobody before so many see each other; "
              "a majority of them must live. Odd numbers only gain: 3 survives one loss, 5 two. Members beyond them "
              "are welcome and do not vote. With 1, a node without seeds is a cluster at once, and nodes with seeds "
              "join the cluster that a seed is in; when none is in one, one of those who see each other founds it. "
              "Nothing but a number above 1 keeps a seed that lost its disk and is cut off from doing so again.",
       .min = 1,
       .max = 99},
      {"cluster", "accept_joiners", in<&c::cluster, &cluster::accept_joiners>,
       "Whether other nodes may join. Mode single says false."},
      {"cluster", "secret_file", in<&c::cluster, &cluster::secret_file>,
       "File whose bytes are the cluster's secret, the same on every node: gossip is encrypted with keys that are made "
       "from it, and members prove to each other that they know it. The base64 of 32 bytes is taken as a key of the "
       "key ring (troupe keyring) itself. Needed when bind is outside loopback."},
      {"cluster", "insecure", in<&c::cluster, &cluster::insecure>,
       "true: outside loopback without a secret. Whoever reaches the port can join and read everything."},
      {.section = "cluster",
       .name = "split_policy",
       .in = in<&c::cluster, &cluster::split_policy>,
       .doc = "Which side of a split network goes on: the one with a majority of the voters, with split_quorum "
              "members, or "
              "with the oldest member (lowest PID). The others are not ready and say why. Leading and serving need a "
              "majority of the voters whatever this says, so static_quorum and keep_oldest only let fewer sides go on; "
              "none says nothing.",
       .words = {"keep_majority", "static_quorum", "keep_oldest", "none"}},
      {.section = "cluster",
       .name = "split_quorum",
       .in = in<&c::cluster, &cluster::split_quorum>,
       .doc = "Members that a side needs under static_quorum; 0: more than half of expected_members.",
       .max = 10'000},
      {.section = "cluster",
       .name = "split_settle",
       .in = in<&c::cluster, &cluster::split_settle>,
       .doc = "How long members must be out of reach before a node takes itself for cut off; shorter flaps with the "
              "network.",
       .max = 10 * minutes},
      {.section = "cluster",
       .name = "link_queue_max",
       .in = in<&c::cluster, &cluster::link_queue_max>,
       .doc = "Bytes that may wait for one slow peer; beyond it requests to that peer fail at once. Worst memory: this "
              "times the members.",
       .min = 64 * kilobytes,
       .max = 16 * gigabytes},
      {.section = "cluster",
       .name = "frame_max",
       .in = in<&c::cluster, &cluster::frame_max>,
       .doc = "Largest frame of the link, refused before memory is taken; the same on every node. Larger values cross "
              "in chunks.",
       .min = 64 * kilobytes,
       .max = 1 * gigabytes},
      {.section = "cluster",
       .name = "link_idle_timeout",
       .in = in<&c::cluster, &cluster::link_idle_timeout>,
       .doc = "A connection between two nodes that carried nothing for so long is closed; the next request opens it.",
       .min = 10 * ms,
       .max = 1 * days,
       .zero = "never"},
  };
}

std::vector<key> gossip_keys() {
  return {
      {.section = "gossip",
       .name = "profile",
       .in = in<&c::gossip, &gossip::profile>,
       .doc = "Timing for a kind of network. lan: one data centre. wan: slow and lossy, finds failures late. local: "
              "processes of one host. fast: failures are known in about a second, for more packets and a higher "
              "risk of suspecting a stalled process.",
       .words = {"lan", "wan", "local", "fast"}},
      {.section = "gossip",
       .name = "probe_interval",
       .in = in<&c::gossip, &gossip::probe_interval>,
       .doc =
           "Each node probes one other each probe_interval * (h + 1), h being its health score: 0 when it is well, at "
           "most 7. Half of it doubles the packets and halves the time to notice: the first probe of a dead member "
           "comes after about one interval, whatever the size. Also known as ping_cycle; giving both is a "
           "fault.",
       .min = 1 * ms,
       .max = 1 * minutes,
       .zero = by_profile,
       .alias = "ping_cycle"},
      {.section = "gossip",
       .name = "probe_timeout",
       .in = in<&c::gossip, &gossip::probe_timeout>,
       .doc = "Without an answer for probe_timeout * (h + 1) others are asked to probe, and the link is tried; the "
              "verdict falls at the end of the interval. Above the round trip's 99th percentile and below "
              "probe_interval.",
       .min = 1 * ms,
       .max = 1 * minutes,
       .zero = by_profile},
      {.section = "gossip",
       .name = "gossip_interval",
       .in = in<&c::gossip, &gossip::gossip_interval>,
       .doc = "While there is news, how often it is sent to a few random members (3; wan 4) besides being carried by "
              "probes. Everybody knows after about log2(members) rounds; fresh news waits a quarter of it only.",
       .min = 1 * ms,
       .max = 1 * minutes,
       .zero = by_profile},
      {.section = "gossip",
       .name = "push_pull_interval",
       .in = in<&c::gossip, &gossip::push_pull_interval>,
       .doc = "How often a hash of the whole state is compared with one random member's, and the state exchanged when "
              "they differ; heals what gossip missed. Above 32 members it is longer by itself for each doubling: "
              "push_pull_interval * (1 + ceil(log2(members / 32))).",
       .min = 1 * ms,
       .max = 1 * hours,
       .zero = by_profile},
      {.section = "gossip",
       .name = "indirect_probes",
       .in = in<&c::gossip, &gossip::indirect_probes>,
       .doc =
           "Members (k) that are asked to probe one that did not answer. A probe finds a live member dead with "
           "(1 - (1 - p)^2) * (1 - (1 - p)^4)^k at packet loss p: 1.2e-6 for k = 3 at 1 %. Those that hear the asker "
           "and not the target say NACK, which tells the asker that it is well itself.",
       .min = 1,
       .max = 16,
       .zero = by_profile},
      {.section = "gossip",
       .name = "suspicion_mult",
       .in = in<&c::gossip, &gossip::suspicion_mult>,
       .doc =
           "A suspect has suspicion_mult * max(1, log10(members)) * probe_interval to refute when suspicion_mult - 2 "
           "others confirm, and up to 6 times as long (fast: 4) while fewer do. Higher: fewer false alarms, later "
           "detection. From 5 members on nobody fails on the word of one. Also known as failure_threshold; giving "
           "both is a fault.",
       .min = 1,
       .max = 32,
       .zero = by_profile,
       .alias = "failure_threshold"},
      {.section = "gossip",
       .name = "retransmit_mult",
       .in = in<&c::gossip, &gossip::retransmit_mult>,
       .doc = "Each piece of news is sent retransmit_mult * ceil(log10(members + 1)) times by each node. Lower: fewer "
              "bytes, and more is left to push_pull_interval under loss.",
       .min = 1,
       .max = 32,
       .zero = by_profile},
  };
}

std::vector<key> election_keys() {
  return {
      {.section = "election",
       .name = "lease",
       .in = in<&c::election, &election::lease>,
       .doc = "How long a leader may act on one renewal, and so about how long a dead leader is mourned. The same on "
              "every node: one with another lease is refused; change it with all nodes stopped. At least 3s with an "
              "outside store. The profiles: lan 1.5s, fast 600ms, wan 6s.",
       .min = 10 * ms,
       .max = 1 * minutes,
       .zero = by_profile},
      {.section = "election",
       .name = "priority",
       .in = in<&c::election, &election::priority>,
       .doc = "The highest among the alive leads when there is an election; a leader that lives is never pre-empted.",
       .min = -1000,
       .max = 1000},
      {.section = "election",
       .name = "take_over",
       .in = in<&c::election, &election::take_over>,
       .doc = "Whether this node, when it leads, hands the lead to a member of higher priority that has been alive for "
              "election.hold_down. Planned, so it costs one packet's way without a leader; the term rises each time."},
      {.section = "election",
       .name = "hold_down",
       .in = in<&c::election, &election::hold_down>,
       .doc =
           "How long a member of higher priority must have been alive, and this node have led, before it is given the "
           "lead. Short ones let a member that comes and goes move the lead each time.",
       .min = 1 * s,
       .max = 1 * days},
  };
}

std::vector<key> kvs_keys() {
  return {
      {.section = "kvs",
       .name = "type",
       .in = in<&c::kvs, &kvs::type>,
       .doc = "Where terms and the cluster record are kept. votes: by a majority of the voters, on their disks. "
              "local_standalone: one node, no votes. builtin: in the service kvs, which 1, 3 or 5 members run. The "
              "others: an outside store, each change a round trip to it; a node without seeds finds the leader there.",
       .words = {"votes", "local_standalone", "builtin", "redis", "memcached", "etcd", "postgres"}},
      {"kvs", "addresses", in<&c::kvs, &kvs::addresses>,
       "host:port of the store: one memcached, a redis and its replicas, or etcd's members. Never two servers that "
       "know nothing of each other."},
      {.section = "kvs",
       .name = "dsn",
       .in = in<&c::kvs, &kvs::dsn>,
       .doc = "Connection string of type postgres, e.g. host=db1 dbname=troupe. Better without a password: see "
              "password_file.",
       .has_password = true},
      {"kvs", "password_file", in<&c::kvs, &kvs::password_file>,
       "File with the store's password: redis, postgres, or etcd's for the user troupe."},
      {.section = "kvs",
       .name = "expected_members",
       .in = in<&c::kvs, &kvs::expected_members>,
       .doc = "How many members run the service kvs: 1, 3 or 5, the same on all of them. So many begin it together, "
              "once, and keep their names on disk. A majority of them must live.",
       .min = 1,
       .max = 5,
       .zero = "as cluster.expected_members"},
      {.section = "kvs",
       .name = "memory_max",
       .in = in<&c::kvs, &kvs::memory_max>,
       .doc =
           "Memory for keys and values of the service kvs, on each of its members; what is new beyond it is refused. "
           "Its file takes up to three times as much.",
       .min = mib,
       .max = 1024 * mib},
  };
}

}  // namespace

std::vector<key> keys_of_cluster() {
  return joined_rows({node_keys(), cluster_keys(), gossip_keys(), election_keys(), kvs_keys()});
}

}  // namespace troupe
