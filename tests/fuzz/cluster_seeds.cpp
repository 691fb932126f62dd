#include "tests/fuzz/cluster_seeds.hpp"

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "runtime/cache/change_message.hpp"
#include "runtime/cache/command_batch.hpp"
#include "runtime/cache/near_message.hpp"
#include "runtime/durability/holders_file.hpp"
#include "runtime/durability/holdings.hpp"
#include "runtime/durability/log_record.hpp"
#include "runtime/election/messages.hpp"
#include "runtime/election/vote_file.hpp"
#include "runtime/replication/stream_message.hpp"
#include "runtime/sharding/copy_message.hpp"
#include "runtime/sharding/shard_table.hpp"

namespace {

using namespace troupe;
using namespace std::chrono_literals;

void write(const std::filesystem::path& file, char choice, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << choice << bytes;
}

cluster_record record_of_three() {
  shard_table t;
  t.stamp = {7, 3};
  t.rows = {{1, {2}, {2}, 3, 1, 0}, {2, {3, 1}, {3}, 2, 1, 3}};
  cluster_record r;
  r.cluster = {1, 2};
  r.cluster_name = "troupe";
  r.expected_members = 3;
  r.voters = {{{1, 1}, "a", "a:7070"}, {{2, 2}, "b", "b:7070"}, {{3, 3}, "c", "c:7070"}};
  r.highest_pid = 3;
  r.pids = {{{"a", {4, 4}}, 1}, {{"b", {5, 5}}, 2}, {{"c", {6, 6}}, 3}};
  r.at = {7, 3};
  r.shard_table = encode(t);
  return r;
}

void write_election(const std::filesystem::path& at) {
  const auto record = std::make_shared<const cluster_record>(record_of_three());
  for (int k = 1; k <= static_cast<int>(election_kind::transfer_failed); ++k) {
    election_message m;
    m.kind = static_cast<election_kind>(k);
    m.cluster = {1, 2};
    m.voter = {2, 2};
    m.term = 7;
    m.at = {7, 3};
    m.sequence = m.echo = 9;
    m.lease = 500ms;
    m.pid = 2;
    m.cluster_name = "troupe";
    m.expected_members = 3;
    m.values = {{"cache.shards", "256"}};
    const bool carries =
        m.kind == election_kind::accept || m.kind == election_kind::record || m.kind == election_kind::found;
    if (carries) m.record = record;
    write(at / ("message_" + std::to_string(k)), '\0', encode(m));
  }
  election_digest d;
  d.cluster = 12;
  d.committed = {7, 3};
  d.term = 7;
  write(at / "digest", '\1', encode(d));
  write(at / "record", '\2', encode(*record));
  vote_file file;
  file.voter = {1, 1};
  file.promised = 8;
  file.holder = {"b", {5, 5}};
  file.accepted = record;
  file.committed = true;
  write(at / "votes", '\3', encode(file));
  write(at / "table", '\4', record->shard_table);
}

void write_shards(const std::filesystem::path& at) {
  cache_command put;
  put.op = cache_op::put;
  put.key = "key";
  put.value = "value";
  put.ttl = 5s;
  cache_command get;
  get.key = "other";
  write(at / "commands", '\0', encode_commands({7, 3}, {{put, "default", 2s}, {get, "default", 1s}}));
  owned_reply done;
  done.version = 12;
  done.value = "value";
  write(at / "replies", '\1', encode_replies({7, 3}, {done, owned_reply::failed(errc::not_owner, "moved")}));

  stream_entry e;
  e.key = "key";
  e.value = "value";
  e.version = 6;
  copied_entry page;
  page.cache = "default";
  page.key = "key";
  page.value = "value";
  page.version = 6;
  copy_message head;
  head.epoch = 5;
  head.attempt = 1;
  write(at / "answer_of_a_page", '\4', encode(head));
  page_writer w(head);
  w.add(page);
  w.finish(6, 1);
  write(at / "page", '\4', w.bytes());
  batch_writer writes(1);
  writes.append({0, 5, 0, 0}, {"default", e});
  e.version = 7;
  e.erased = true;
  writes.append({0, 5, 1, 1}, {"default", e});
  writes.ask({1, 5, 3, 2});
  write(at / "writes", '\2', std::move(writes).finish());
  stream_answer a;
  a.epoch = 5;
  a.sequence = 1;
  a.ask = true;
  a.entries = {{"default", e}};
  answers_writer answers;
  answers.add(a);
  write(at / "answer", '\3', std::move(answers).finish());
  const auto named = [](cache_id) { return std::string_view("default"); };
  write(at / "change_poll", '\6', encode_change_poll({3, 2, 1, {{0, {"a"}, 100}}}, named));
  write(at / "change_answer", '\6',
        encode_change_answer({2, {{.shard = 1, .version = 7, .key = "key", .value = "v"}}}, named));
  write(at / "near_answer", '\5', encode_near_answer({3, true, {{0, "key", false}}}, named));
}

void write_durable(const std::filesystem::path& at) {
  log_record r;
  r.kind = record_kind::header;
  r.version = log_version;
  r.number = 1;
  r.shards = 16;
  std::string segment(log_magic);
  append_record(segment, r);
  r = {};
  r.created = 5;
  r.pid = 1;
  r.whole = true;
  r.wall_ms = 1'000'000;
  r.kind = record_kind::begin;
  append_record(segment, r);
  stream_entry e;
  e.key = "key";
  e.value = "value";
  e.version = 6;
  e.ttl = 1500s;
  r.kind = record_kind::write;
  r.sequence = 1;
  r.entries.push_back({"default", e});
  std::string frame;
  append_record(frame, r);
  segment += frame;
  write(at / "record", '\0', frame.substr(frame_head_bytes));
  write(at / "segment", '\1', segment);
  write(at / "holdings", '\2', encode(holdings{{1, 2}, {{0, 5, 1, 4, 1, true}}}));
  write(at / "holders", '\3', encode_holders({1, 2, 9}));
}

}  // namespace

void write_cluster_seeds(const std::filesystem::path& corpus) {
  for (const auto* name : {"election_messages", "shard_messages", "durable_log"})
    std::filesystem::create_directories(corpus / name);
  write_durable(corpus / "durable_log");
  write_election(corpus / "election_messages");
  write_shards(corpus / "shard_messages");
}
