// Writes the first files of each corpus: one packet of each kind, and short tales of them.
// Usage: fuzz_seeds DIRECTORY (tests/fuzz/corpus), after a change of the format.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/delivery/delivery_message.hpp"
#include "runtime/election/record.hpp"
#include "runtime/election/store.hpp"
#include "runtime/election/store_entry.hpp"
#include "runtime/locks/lock_message.hpp"
#include "runtime/membership/packet.hpp"
#include "runtime/membership/talk_wire.hpp"
#include "runtime/registry/registry_message.hpp"
#include "runtime/topics/topic_message.hpp"
#include "tests/fuzz/cluster_seeds.hpp"
#include "tests/fuzz/service_seeds.hpp"

namespace {

using namespace troupe::membership;
using troupe::member_state;

update news(const std::string& name, member_state state, std::uint64_t incarnation) {
  update u;
  u.name = name;
  u.id = {static_cast<std::uint64_t>(name.front()), 2};
  u.incarnation = u.told_at = incarnation;
  u.state = state;
  u.address = name + ":7070";
  u.told.pid = 3;
  u.told.protocol = protocol_version;
  u.told.services = {"http", "cache"};
  u.told.tags = {{"rack", "7"}};
  u.told.meta = "0";
  if (state == member_state::suspect) u.by = "c";
  if (state == member_state::failed) u.age = std::chrono::seconds(90);
  return u;
}

packet from_b(packet_kind kind) {
  packet p;
  p.cluster = cluster_hash("troupe", 1);
  p.from = "b";
  p.from_id = {'b', 2};
  p.kind = kind;
  p.digest = "7.1";
  return p;
}

std::string table_of_locks() {
  troupe::lock_table t;
  t.last_token = 3;
  t.rows[{troupe::lock_kind::lock, "x"}] = {1, {{1, {"a", {1, 1}}, 1, std::chrono::seconds(5)}}};
  t.rows[{troupe::lock_kind::semaphore, "s"}] = {
      2, {{2, {"a", {1, 1}}, 2, std::chrono::seconds(5)}, {3, {"b", {2, 2}}, 1, std::chrono::seconds(9)}}};
  return encode(t);
}

std::string message_about_locks(bool answer) {
  using troupe::lock_word;
  troupe::lock_message m{1, answer, {}};
  for (std::uint8_t what = 1; what <= 6; ++what) {
    troupe::lock_item item;
    item.what = static_cast<lock_word>(what);
    item.claim = what % 3 + 1U;
    item.key = {troupe::lock_kind::lock, "x"};
    item.ttl = std::chrono::seconds(5);
    item.token = what;
    item.reason = item.what == lock_word::refused ? "held by b" : "";
    m.items.push_back(std::move(item));
  }
  return encode(m);
}

std::string message_about_actors() {
  troupe::registry_message m;
  m.known = {{{1, 2}, 1}, {{5, 6}, 7}};
  m.whole = true;
  m.updates = {{{3, 4}, 0, 2, {{1, {"printer", 17}, false}, {2, {"clock", 5}, false}}}};
  m.wanted = {{{1, 2}, 0}};
  return encode(m);
}

std::string packet_about_topics(troupe::topic_packet::kind part) {
  const auto content = std::make_shared<const std::string>("hello");
  troupe::topic_packet p;
  p.part = part;
  p.anew = true;
  p.version = 7;
  p.update.to = 2;
  p.update.items = {{{troupe::pubsub::topic_kind::channel, "t"}, 1},
                    {{troupe::pubsub::topic_kind::group, std::string("t\0g", 3)}, 1}};
  p.messages = {{"t", 7, {"g"}, true, troupe::topic_message::kind::content, content, 1},
                {"t", 8, {}, true, troupe::topic_message::kind::gone}};
  p.retained.asks = p.retained.whole = true;
  p.retained.known = {{"t", {5, {1, 2}}}};
  p.retained.values = {{"u", {{6, {3, 4}}, content}}, {"t", {{9, {3, 4}}, nullptr}}};
  p.retained.wanted = {"u"};
  return encode(p);
}

std::string packet_of(packet_kind kind) {
  packet p = from_b(kind);
  p.sequence = 12345;
  p.target = "a";
  p.target_id = {1, 1};
  p.target_address = "a:7070";
  p.patience_ms = kind == packet_kind::ping_request ? 500 : 0;
  p.hash = 99;
  p.want = kind == packet_kind::state;
  if (kind == packet_kind::join) {
    p.cluster_name = "troupe";
    p.expected_members = 1;
    p.updates = {news("b", member_state::alive, 1)};
  }
  if (kind == packet_kind::refusal) {
    p.refusal = join_refusal::name_in_use;
    p.text = "the name 'b' is mine";
  }
  if (kind == packet_kind::news || kind == packet_kind::state) {
    p.updates = {news("b", member_state::alive, 1), news("c", member_state::suspect, 2)};
  }
  return encode(p);
}

std::string with_news(packet_kind kind, std::vector<update> updates) {
  packet p = from_b(kind);
  p.updates = std::move(updates);
  return encode(p);
}

/// One step of a tale: after so many sixteenths of a second, this packet.
std::string step(int sixteenths, std::string bytes) {
  bytes.resize((bytes.size() + 7) / 8 * 8, '\0');  // a zero is no field: the decoder refuses the packet ...
  const auto eighths = bytes.size() / 8;
  return std::string{static_cast<char>(sixteenths), static_cast<char>(eighths)} + bytes;
}

/// ... so fill with a field that nobody knows instead: number 15000, bytes.
std::string filled(std::string bytes) {
  constexpr std::size_t head = 4;
  const std::size_t missing = (16 - (bytes.size() + head) % 8) % 8;
  bytes += std::string("\xc2\xa9\x07", 3) + static_cast<char>(missing) + std::string(missing, 'x');
  return bytes;
}

std::string talk_of_everything() {
  talk_bundle b;
  announcement event;
  event.id = {7, {2, 2}};
  event.after = 5;
  event.origin = "b";
  event.name = "deploy";
  event.payload = "v7";
  announcement query = event;
  query.kind = announcement_kind::query;
  query.id.time = 8;
  query.after = 0;
  query.name = "ping";
  query.tags = {{"zone", "b"}};
  query.service = "cache";
  query.timeout = std::chrono::seconds(2);
  b.heard = {event, query};
  b.place = coordinate{};
  b.clock = 9;
  b.compared = comparison{1, {{7, 11}, {8, 12}}, false};
  b.reply = query_reply{3, true, "answer"};
  return encode_talk(b);
}

troupe::leader_entry leader_of(std::uint64_t term) {
  troupe::cluster_record r;
  r.cluster = {1, 2};
  r.cluster_name = "troupe";
  r.expected_members = 3;
  r.voters = {troupe::store_voter("redis")};
  r.at = {term, 1};
  troupe::leader_entry e;
  e.term = term;
  e.address = "127.0.0.1:7070";
  e.lease = std::chrono::seconds(3);
  e.record = troupe::encode(r);
  if (term == 0) return e;
  e.leader = "node a";
  e.leader_id = {3, 4};
  return e;
}

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds DIRECTORY\n", stderr);
    return 64;
  }
  namespace fs = std::filesystem;
  const fs::path packets = fs::path(argv[1]) / "gossip_packet", tales = fs::path(argv[1]) / "swim_packets";
  fs::create_directories(packets);
  fs::create_directories(tales);
  write_cluster_seeds(argv[1]);
  write_service_seeds(argv[1]);
  const fs::path talks = fs::path(argv[1]) / "talk";
  fs::create_directories(talks);
  write(talks / "everything_early", std::string(1, '\1') + talk_of_everything());
  write(talks / "everything_of_a_newcomer", std::string(1, '\x80') + talk_of_everything());
  const fs::path entries = fs::path(argv[1]) / "store_entry";
  fs::create_directories(entries);
  write(entries / "a_leader", *troupe::encode_store_value(leader_of(7)));
  write(entries / "a_founding", *troupe::encode_store_value(leader_of(0)));
  const fs::path locks = fs::path(argv[1]) / "locks";
  fs::create_directories(locks);
  write(locks / "table", std::string(1, '\0') + table_of_locks());
  write(locks / "ask", std::string(1, '\1') + message_about_locks(false));
  write(locks / "answer", std::string(1, '\1') + message_about_locks(true));
  const fs::path registry = fs::path(argv[1]) / "registry";
  fs::create_directories(registry);
  write(registry / "everything", message_about_actors());
  const fs::path delivery = fs::path(argv[1]) / "delivery";
  fs::create_directories(delivery);
  write(delivery / "frame", std::string(1, '\0') + encode(troupe::delivery_frame{{1, 2}, 7, 5, true, true, "hello"}));
  write(delivery / "ack",
        std::string(1, '\1') + encode(troupe::delivery_ack{{1, 2}, {3, 4}, 2, 1, {{1, troupe::errc::conflict}}}));
  const fs::path topics = fs::path(argv[1]) / "topics";
  fs::create_directories(topics);
  write(topics / "interest", packet_about_topics(troupe::topic_packet::kind::interest));
  write(topics / "messages", packet_about_topics(troupe::topic_packet::kind::messages));
  write(topics / "retained", packet_about_topics(troupe::topic_packet::kind::retained));
  constexpr const char* names[] = {"news",    "ping",       "ack",   "ping_request", "join",
                                   "refusal", "state_hash", "state", "nack"};
  const std::string join = step(1, filled(packet_of(packet_kind::join)));
  for (int k = 0; k < 9; ++k) {
    const auto kind = static_cast<packet_kind>(k);
    write(packets / names[k], packet_of(kind));
    write(tales / (std::string("join_then_") + names[k]), join + step(8, filled(packet_of(kind))));
  }
  const auto say = [](member_state s, std::uint64_t incarnation) {
    return filled(with_news(packet_kind::news, {news("b", member_state::alive, 1), news("c", s, incarnation)}));
  };
  write(tales / "a_life", join + step(2, say(member_state::alive, 1)) + step(2, say(member_state::suspect, 1)) +
                              step(4, say(member_state::alive, 2)) + step(90, say(member_state::failed, 2)) +
                              step(90, say(member_state::alive, 3)) + step(2, say(member_state::departing, 4)) +
                              step(2, say(member_state::departed, 5)) + step(2, say(member_state::alive, 9)));
  write(tales / "told_that_it_is_dead", join + step(2, filled(with_news(packet_kind::news, {[] {
                                                                          update u = news("a", member_state::failed, 1);
                                                                          u.id = {1, 1};
                                                                          return u;
                                                                        }()}))));
  return 0;
}
