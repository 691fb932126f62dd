// How the members of the key-value service find each other without a leader, and how one that lost its disk is
// taken in again.
//
//   state here       becomes                          by
//   nobody           accepted, on disk                as many as expected tell each other that they have no roster
//   accepted         founded                          all rows told that they accepted this one, or one knows it
//   nobody, founded  another disk in one's own row    re-admission: the next roster is agreed on in the register
//                                                     under the empty key, by a majority of the present one
//   taken in anew    syncing, then a member           cells of a majority of the other rows, who all go by the new
//                                                     roster and so take part in no round of the old one
//
// A member accepts one founding, ever. Whoever hears of a later roster of its group goes by it at once. A node
// without the service only keeps the roster that it was told. A disk that was replaced in its row and comes back is
// worth nothing: its member empties it and goes by a new id.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/time.hpp>

#include "runtime/kvs/messages.hpp"
#include "runtime/kvs/roster.hpp"

namespace troupe {

struct kvs_peer {
  std::string name;
  bool runs = false;  // the service `kvs`, as gossip tells

  bool operator==(const kvs_peer&) const = default;
};

class kvs_group {
 public:
  static constexpr duration hello_searching = std::chrono::milliseconds(250);
  static constexpr duration hello_settled = std::chrono::seconds(5);
  static constexpr duration hello_valid = std::chrono::seconds(3);  // for a founding

  struct options {
    std::string self;
    bool runs = false;
    std::uint32_t expected = 1;
    incarnation_id fresh_disk;
  };

  kvs_group(options o, kvs_meta restored, time_point now);

  /// Who is alive; this node need not be among them.
  void on_peers(std::vector<kvs_peer> peers);
  /// True when meta() or standing changed.
  bool on_hello(const std::string& from, const kvs_message& m, time_point now);
  bool on_tick(time_point now);
  /// A roster that a majority of the present one agreed on.
  bool adopt(const kvs_roster& next);
  /// True once after another disk took this one's place: its cells have to go.
  [[nodiscard]] bool take_replaced() { return std::exchange(replaced_, false); }
  /// Enough cells of others are here.
  void synced() { meta_.syncing = false; }
  /// What has to be said now; moves the next hello.
  [[nodiscard]] std::vector<std::string> take_hellos(time_point now);
  [[nodiscard]] kvs_message hello(bool asks) const;
  /// max(): it keeps no cells and there is nobody to tell.
  [[nodiscard]] time_point next_tick() const;
  /// A user waits: look for the service now.
  void hurry(time_point now);

  /// To be kept by the member; the floor is the acceptor's.
  [[nodiscard]] const kvs_meta& meta() const noexcept { return meta_; }
  [[nodiscard]] const kvs_roster& roster() const noexcept { return meta_.roster; }
  [[nodiscard]] bool founded() const noexcept { return meta_.founded; }
  /// Answers as a member: in the roster with this disk, founded, and its cells are whole.
  [[nodiscard]] bool serves() const noexcept { return founded() && in_roster() && !meta_.syncing; }
  [[nodiscard]] bool syncing() const noexcept { return founded() && in_roster() && meta_.syncing; }
  /// In its row stands another disk: it may ask to be taken in again.
  [[nodiscard]] bool wants_readmission() const;
  [[nodiscard]] bool heard_lately(const std::string& name, time_point now, duration within) const;
  void note_heard(const std::string& name, time_point now);
  /// Why the service does not work here, for people; empty: it does.
  [[nodiscard]] std::string fault() const;

 private:
  struct seen {
    kvs_message hello;
    time_point at{};
  };

  [[nodiscard]] bool in_roster() const;
  [[nodiscard]] bool is_told(const kvs_peer& p) const { return p.runs || roster().find(p.name) != nullptr; }
  bool found(time_point now);
  bool complete();
  bool take_founding(const kvs_roster& roster);

  const options options_;
  kvs_meta meta_;
  std::vector<kvs_peer> peers_;
  std::map<std::string, seen> hellos_;
  std::map<std::string, time_point> heard_;
  time_point next_hello_;
  std::string fault_;
  std::string conflict_;  // two groups met
  std::uint64_t renewals_ = 0;
  bool replaced_ = false;
};

}  // namespace troupe
