// The key ring across the cluster: answers the members that ask over the link, carries an operator's
// change to all of them, and brings a node that joins late up to the ring of the others.
//
//   list, install, use, remove  ->  1. every live member is asked what it holds
//                                   2. when all can do it, each is told, writes its file, answers
//   joined, member_alive        ->  one member is asked for its ring; a higher edition is taken over
//
// Requests and answers are sealed under the ring. A member that was not reached keeps its old ring until
// it joins again or the change is repeated (which is harmless). Thread-safe; not for after close().
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/time.hpp>

#include "actors/cluster_board.hpp"
#include "actors/event_hub.hpp"
#include "actors/keyring/keyring_access.hpp"
#include "actors/keyring/keyring_wire.hpp"
#include "actors/keyring/ring_keeper.hpp"
#include "actors/link/link_table.hpp"

namespace troupe {

class keyring_service final : public keyring_access, public std::enable_shared_from_this<keyring_service> {
 public:
  static constexpr duration member_deadline = std::chrono::seconds(2);  // of one step at one member
  static constexpr duration fetch_pause = std::chrono::seconds(5);      // between two looks at others' rings
  static constexpr int fetch_tries = 3;                                 // members asked in one look

  struct surroundings {
    std::shared_ptr<ring_keeper> keeper;
    std::shared_ptr<link_table> link;
    cluster_board& board;
    disk_writer& disk;
    event_hub& events;
    event_log& log;
  };

  explicit keyring_service(surroundings s);
  ~keyring_service() override;

  /// Serves the link's requests and listens to events; before the link starts.
  void start();
  /// No callback of this object runs afterwards but those of changes under way.
  void close();

  void list(std::function<void(keyring_list)> done) override;
  void change(keyring_verb verb, const std::string& key, std::function<void(expected<keyring_result>)> done) override;

 private:
  struct reply_of {
    std::string name;
    expected<keyring_answer> answer;
  };
  using replies = std::vector<reply_of>;
  using answer_callback = std::function<void(expected<keyring_answer>)>;

  [[nodiscard]] std::vector<member> live_members() const;
  void ask_all(const std::vector<member>& whom, const keyring_request& what, std::function<void(replies)> done);
  void ask(const member& whom, const keyring_request& what, answer_callback done);
  void serve(const keyring_request& what, std::function<void(keyring_answer)> done);
  void serve_change(const keyring_request& what, std::function<void(keyring_answer)> done);
  [[nodiscard]] keyring_answer describe_ring() const;
  void on_event(const event& e);
  void fetch(int tries_left);
  void take_over(const std::string& from, const std::string& ring_text);

  surroundings with_;
  std::uint64_t listener_ = 0;
  std::mutex mutex_;
  time_point fetched_{};
};

}  // namespace troupe
