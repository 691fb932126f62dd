// A command on many shards, wherever they are: each is asked for a part after the other until it has no more, several
// of them at a time, and one reply is made of all.
//
// Who is here is asked on the spot; after turn_parts_max such parts other connections get their turn. The first failure
// is the reply, and nothing more is asked then.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateways/resp/connection.hpp"

namespace troupe::resp {

class shard_walk : public compound_reply {
 public:
  static constexpr std::size_t open_max = 32;        // shards asked at a time
  static constexpr std::size_t turn_parts_max = 64;  // on the spot

  /// Of all shards, ascending, or of those given.
  explicit shard_walk(std::vector<std::uint32_t> shards) : shards_(std::move(shards)) {}

  /// Begins; the reply comes by itself. The command's row has flag_alone.
  static void run(connection& c, std::unique_ptr<shard_walk> walk);

  bool on_answer(connection& c, std::uint64_t slot, owned_reply answer) override;
  void write(reply_writer& w) override;

 protected:
  /// The request for the next part; `words` is where its packed words go.
  [[nodiscard]] virtual procedure ask(std::uint32_t shard, std::string& words) = 0;
  /// A part. `more`: the shard has another one. False: it makes no sense.
  [[nodiscard]] virtual bool take(std::uint32_t shard, std::string_view part, bool& more) = 0;
  /// No further part is needed.
  [[nodiscard]] virtual bool enough() const { return false; }
  [[nodiscard]] virtual std::size_t at_a_time() const { return open_max; }
  virtual void write_result(reply_writer& w) = 0;

 private:
  static constexpr std::uint64_t turn_over = UINT64_MAX;  // instead of a shard

  [[nodiscard]] bool go(connection& c, std::uint64_t slot);
  [[nodiscard]] bool has_work() const;
  void ask_next(connection& c, std::uint64_t slot);
  void settle(std::uint32_t shard, errc code, std::string_view part, std::string_view context);

  std::vector<std::uint32_t> shards_;
  std::size_t next_ = 0;             // of shards_
  std::deque<std::uint32_t> again_;  // have another part
  std::deque<owned_reply> arrived_;
  std::size_t open_ = 0;
  std::size_t parts_ = 0;  // on the spot, in this turn
  bool going_ = false;
  bool resting_ = false;  // other connections have their turn
  errc failed_ = errc::ok;
  std::string context_;
};

/// 0, 1, ... of the environment's cache.
[[nodiscard]] std::vector<std::uint32_t> all_shards(const environment& e);

}  // namespace troupe::resp
