// Tells a person why a node does not join: when no seed says anything that can be read, each one is
// dialled over the link, whose handshake gives a reason in words (another secret, another cluster,
// nobody there).
//
//   event join_unanswered  ->  a link to each seed  ->  event and log line join_blocked, one for each
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <troupe/time.hpp>

#include "actors/event_hub.hpp"
#include "actors/link/link_table.hpp"
#include "actors/log.hpp"

namespace troupe {

class join_watch : public std::enable_shared_from_this<join_watch> {
 public:
  static constexpr duration answer_max = std::chrono::seconds(4);
  static constexpr std::size_t seeds_max = 8;  // dialled at once

  using seeds_reader = std::function<std::vector<std::string>()>;

  join_watch(event_hub& events, event_log& log, std::shared_ptr<link_table> link, seeds_reader seeds);
  ~join_watch();

  void start();
  void close();

 private:
  void look();

  event_hub& events_;
  event_log& log_;
  const std::shared_ptr<link_table> link_;
  const seeds_reader seeds_;
  std::uint64_t listener_ = 0;
};

}  // namespace troupe
