// One node's part in the key-value service: CASPaxos registers among 1, 3 or 5 members, without a leader and without
// the shard table, so that it may elect the leader.
//
// The picture: a request becomes rounds (proposer), whose messages go to the members; a member answers from its
// cells (acceptor) once what it says is on its disk; who the members are is the group's matter. A node without the
// service has no cells and proposes only. Messages to oneself take the same way as all others.
//
// It promises linearizable reads and writes of single keys while a majority of the members lives and talks. It does
// not order changes of different keys, and it does not serve from a minority.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/kvs/acceptor.hpp"
#include "runtime/kvs/group.hpp"
#include "runtime/kvs/proposer.hpp"

namespace troupe {

struct kvs_options {
  std::string self;            // the node's name
  incarnation_id id;           // of the process
  bool runs = false;           // the service
  std::uint32_t expected = 1;  // members of the group: 1, 3 or 5
  std::uint64_t memory_max = 64U << 20U;
};

struct kvs_packet {
  std::string to;
  std::string bytes;
};

struct kvs_output {
  std::optional<kvs_write> write;
  std::vector<kvs_packet> packets;
  std::vector<kvs_result> results;
  std::vector<std::string> news;  // for people: the group was founded, a disk was replaced
};

struct kvs_status {
  bool runs = false;
  bool serves = false;  // answers as a member
  std::string fault;    // empty: it works here
  std::vector<std::string> members;
  std::uint64_t epoch = 0;
  std::uint64_t keys = 0, tombstones = 0, bytes = 0, refused_full = 0, malformed = 0;
  kvs_proposer::counters requests;
};

class kvs_machine {
 public:
  static constexpr duration sync_interval = std::chrono::milliseconds(250);  // a page not answered is asked for again
  static constexpr duration sweep_interval = std::chrono::seconds(1);
  static constexpr std::size_t sweep_most = 16;  // tombstones, expired keys at once
  static constexpr std::size_t repair_most = 4;  // cells compared with the other members' in an interval
  static constexpr duration member_heard = std::chrono::seconds(12);  // for dropping tombstones
  static constexpr duration orphan_after = std::chrono::seconds(10);  // not looked after by its owner
  static constexpr duration write_again = std::chrono::seconds(1);    // after a failed one

  kvs_machine(kvs_options o, kvs_image restored, random rng, time_point now);

  /// The living members of the cluster.
  void on_peers(std::vector<kvs_peer> peers, time_point now, kvs_output& out);
  void on_message(const std::string& from, std::string_view bytes, time_point now, kvs_output& out);
  void on_request(kvs_request r, time_point now, kvs_output& out);
  void on_persisted(std::uint64_t token, bool done, time_point now, kvs_output& out);
  void on_tick(time_point now, kvs_output& out);
  [[nodiscard]] time_point next_tick() const;

  [[nodiscard]] kvs_status status() const;
  [[nodiscard]] const kvs_acceptor& cells() const noexcept { return acceptor_; }
  [[nodiscard]] const kvs_group& group() const noexcept { return group_; }

 private:
  struct held_answer {
    std::string to;
    kvs_message message;
  };
  struct sync_row {
    std::string cursor;
    bool begun = false;  // the cursor is a key
    bool done = false;
  };

  void dispatch(const std::string& from, const kvs_message& m);
  void serve(const std::string& from, const kvs_message& m);
  void send(const std::string& to, const kvs_message& m);
  void send_when_durable(std::uint64_t version, const std::string& to, kvs_message m);
  void say_hello(const std::string& to, bool asks);
  void after_group();
  void take(kvs_proposer::output& from);
  void on_page(const std::string& from, const kvs_message& m);
  void ask_pages();
  void sweep();
  void tidy(kvs_proposer::output& p);
  void finish(kvs_output& out);
  [[nodiscard]] bool owns(const std::string& key) const;

  const kvs_options options_;
  random rng_;
  kvs_group group_;
  kvs_acceptor acceptor_;
  kvs_proposer proposer_;

  bool started_ = false;
  time_point now_{};
  kvs_output* out_ = nullptr;
  std::deque<std::pair<std::string, kvs_message>> local_;
  std::multimap<std::uint64_t, held_answer> held_;  // by the version that has to be durable
  std::uint64_t meta_version_ = 0;
  std::uint64_t shown_epoch_ = 0;  // the proposer's

  std::map<std::string, sync_row> sync_;
  std::uint64_t sync_round_ = 0;
  std::uint64_t sync_floor_ = 0;
  time_point sync_at_ = time_point::max();
  time_point sweep_at_;
  time_point readmit_at_;
  time_point write_at_ = time_point::min();  // no write before
  bool disk_failed_ = false;
  std::uint64_t malformed_ = 0;
};

}  // namespace troupe
