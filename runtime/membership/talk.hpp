// What members say to each other beyond who lives: user events, queries and their answers, and the places of
// coordinates. A pure machine that rides on swim's packets.
//
//   raise, ask --> announcements --gossip--> alight at every member --> output: events, asked
//   asked --> (built in, or a handler of the shell) --> answer --> a packet to the asker --> output: finished
//   ack of a direct ping, with the other's coordinate --> coordinates
//   a comparison of tables carries what is known of the window --> what one lacks is sent to it
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/query.hpp>

#include "runtime/membership/announcements.hpp"
#include "runtime/membership/coordinates.hpp"
#include "runtime/membership/gossip_rider.hpp"
#include "runtime/membership/talk_wire.hpp"

namespace troupe::membership {

struct talk_counters {
  std::uint64_t malformed = 0;
  std::uint64_t queries_answered = 0;               // by this member
  std::uint64_t answers_in = 0, answers_stray = 0;  // stray: of no query under way, or twice
  std::uint64_t queries_refused = 0;                // too many at once, here
};

/// For a handler outside the machine.
struct asked_query {
  announcement_id id;
  std::string asker;
  std::string name;
  std::string payload;
};

struct finished_query {
  std::uint64_t time = 0;  // what ask() gave
  query_result result;
};

struct talk_output {
  std::vector<announcement> events;
  std::vector<asked_query> asked;
  std::vector<finished_query> finished;
};

class talk final : public gossip_rider {
 public:
  static constexpr std::size_t asking_max = 64;      // queries of this member under way
  static constexpr std::size_t answering_max = 256;  // queries that wait for a handler here
  /// Answered by the machine itself: the member's name, and the program's version.
  static constexpr std::string_view query_ping = "ping";
  static constexpr std::string_view query_version = "version";

  talk(std::string name, const incarnation_id& id, std::string version, random rng);

  /// Says a user event to all, this member included. As announcements::say.
  [[nodiscard]] expected<std::uint64_t> raise(std::string name, std::string payload, time_point now);
  /// Asks; `asked` are the others that match, by name. finished_query follows under the time that is returned.
  [[nodiscard]] expected<std::uint64_t> ask(query q, std::set<std::string> asked, const record& self, time_point now);
  /// The handler's answer, cut at answer_bytes_max; nothing: there is none. Ignored when it comes too late.
  void answer(const announcement_id& id, std::optional<std::string> payload, time_point now);

  /// errc::not_found while the place of one of them is not known here.
  [[nodiscard]] expected<duration> round_trip(std::string_view a, std::string_view b) const;

  void on_tick(time_point now);
  [[nodiscard]] time_point next_tick() const;
  [[nodiscard]] talk_output take_output();

  // gossip_rider
  [[nodiscard]] std::string board(packet_kind kind, std::size_t room, std::uint32_t sendings_max) override;
  void alight(const ride& r, time_point now) override;
  [[nodiscard]] bool waits() const override { return announcements_.waits(); }
  void drop_waiting() override { announcements_.drop_waiting(); }
  [[nodiscard]] bool take_fresh() override { return std::exchange(fresh_, false); }
  [[nodiscard]] std::vector<ride_packet> take_packets() override { return std::exchange(packets_, {}); }

  [[nodiscard]] const announcements& said() const noexcept { return announcements_; }
  [[nodiscard]] const coordinates& places() const noexcept { return coordinates_; }
  [[nodiscard]] coordinates& places() noexcept { return coordinates_; }
  [[nodiscard]] const talk_counters& counts() const noexcept { return counters_; }

 private:
  struct asking {
    time_point began;
    time_point until;
    std::set<std::string> waits_for;
    std::set<std::string> heard;
    query_result result;
  };
  struct answering {
    std::string asker;
    time_point until;
  };

  void compare(const comparison& c, const ride& r, time_point now);
  void settle(const record& self, time_point now);
  void on_query(announcement a, const record& self, time_point now);
  void on_reply(std::uint64_t time, const std::string& from, bool handled, std::string payload, time_point now);
  void reply(const std::string& asker, const announcement_id& id, std::optional<std::string> payload, time_point now);
  void finish(std::uint64_t time);
  [[nodiscard]] std::string comparison_bytes(std::size_t room, bool reply, time_point now);

  const std::string name_;
  const incarnation_id id_;
  const std::string version_;
  announcements announcements_;
  coordinates coordinates_;
  std::map<std::uint64_t, asking> asking_;          // by the time of the query
  std::map<announcement_id, answering> answering_;  // handlers are at work
  std::vector<ride_packet> packets_;
  talk_output output_;
  bool fresh_ = false;
  time_point now_{};  // of the last call
  talk_counters counters_;
};

}  // namespace troupe::membership
