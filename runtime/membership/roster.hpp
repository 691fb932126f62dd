// Membership by itself, as one pure machine: swim with talk riding on it, and nothing that decides, leads or serves.
// What cluster_machine is to a node, this is to a member_list: a shell feeds it packets and time, and carries out what
// it puts into the output.
//
// Whoever is alone founds at once; otherwise one of the seeds has to accept it. Nobody writes anything down: a process
// that starts again is a new incarnation of its name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/cluster.hpp>
#include <troupe/error.hpp>
#include <troupe/query.hpp>
#include <troupe/time.hpp>

#include "runtime/base/random.hpp"
#include "runtime/membership/shown.hpp"
#include "runtime/membership/swim.hpp"
#include "runtime/membership/tags.hpp"
#include "runtime/membership/talk.hpp"

namespace troupe::membership {

/// What the shell has to do.
struct roster_output {
  struct happening {
    std::string kind;
    event_fields fields;
  };

  std::vector<outgoing> packets;
  std::vector<happening> events;
  std::vector<asked_query> asked;        // by others or here, for the handlers
  std::vector<finished_query> finished;  // asked here
  std::vector<incarnation_id> failed;    // links to these are to be given up
  bool picture_changed = false;          // describe() says something new
  bool departed = false;                 // the others know of the departure, or hold this process for departed
  bool seeds_wanted = false;             // seeds were tried: on_seeds may tell of newer ones
};

class roster {
 public:
  /// errc::invalid_argument or errc::too_large when the others would refuse what `self` says of itself. `version` is
  /// what the query "version" is answered with.
  [[nodiscard]] static expected<roster> make(const local_member& self, const settings& s, std::string version,
                                             random rng);

  /// `more_may_come`: by on_seeds; until they are complete nobody founds.
  void on_start(std::vector<std::string> seeds, bool more_may_come, time_point now, roster_output& out);
  void on_packet(std::string_view from_address, channel how, std::string_view bytes, time_point now,
                 roster_output& out);
  void on_link_lost(std::string_view peer, link_loss how, time_point now, roster_output& out);
  void on_link_refused(std::string_view address, time_point now, roster_output& out);
  void on_seeds(std::vector<std::string> seeds, bool complete, time_point now, roster_output& out);
  void on_tick(time_point now, roster_output& out);
  [[nodiscard]] time_point next_tick() const;

  /// roster_output::departed follows. Idempotent.
  void leave(time_point now, roster_output& out);

  // Each as the function of talk, swim or tags.
  expected<std::uint64_t> raise_event(std::string name, std::string payload, time_point now, roster_output& out);
  expected<std::uint64_t> ask(query q, time_point now, roster_output& out);
  void answer_query(const announcement_id& id, std::optional<std::string> payload, time_point now, roster_output& out);
  expected<std::map<std::string, std::string>> change_tags(const tag_change& change, time_point now,
                                                           roster_output& out);
  expected<void> force_leave(std::string_view name, time_point now, roster_output& out);
  [[nodiscard]] expected<duration> round_trip(std::string_view a, std::string_view b) const;

  /// All that are known, this one too, by name; `wall` turns a point of this process' clock into one of the calendar.
  [[nodiscard]] std::vector<member> describe(wall_time (*wall)(time_point)) const;

  [[nodiscard]] const swim& members() const noexcept { return *members_; }
  [[nodiscard]] bool expelled() const noexcept { return expelled_; }

 private:
  roster(const local_member& self, const settings& s, std::string version, random rng);
  void settle(time_point now, roster_output& out);
  void on_event(const event& e, roster_output& out);

  std::unique_ptr<talk> talk_;     // rides on members_
  std::unique_ptr<swim> members_;  // both stay where they are when the roster moves
  output m_;                       // of the call under way
  std::uint64_t join_attempts_ = 0;
  std::uint64_t pictured_ = 0;  // version of the membership that was last described
  time_point started_{};
  bool leaving_ = false;
  bool expelled_ = false;
};

}  // namespace troupe::membership
