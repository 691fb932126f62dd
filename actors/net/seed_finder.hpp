// Where a node looks for its cluster: the configured seeds, a file that is read again when it changes,
// names that are resolved again at each attempt to join, and members that were heard by multicast.
//
// A thread of its own does the waiting (disk, DNS). What a source said last is kept when it fails
// later; a source that has said nothing yet leaves the result incomplete, and a node with an incomplete
// result founds no cluster. Faults are logged when they begin and when they change.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

#include "actors/log.hpp"
#include "actors/net/name_resolver.hpp"
#include "actors/net/seed_spec.hpp"

namespace troupe {

class seed_finder {
 public:
  static constexpr duration look_interval = std::chrono::seconds(1);      // at the file
  static constexpr duration resolve_pause = std::chrono::seconds(1);      // between two rounds of DNS
  static constexpr duration refresh_interval = std::chrono::seconds(30);  // of names, without a wish
  static constexpr duration heard_kept = std::chrono::minutes(5);
  static constexpr std::size_t heard_max = 64;
  static constexpr std::size_t addresses_max = 1024;

  /// Numeric addresses; `complete`: every source has answered. On the finder's thread.
  using found_callback = std::function<void(std::vector<std::string> addresses, bool complete)>;

  /// Whether `c` names a source that needs this: seeds that are all numeric addresses do not.
  [[nodiscard]] static bool needed(const cluster_config& c);

  /// errc::bad_config when cluster.dns_server is no address.
  [[nodiscard]] static expected<std::unique_ptr<seed_finder>> make(const cluster_config& c, event_log& log);
  ~seed_finder();

  void start(found_callback found);
  /// A join was tried: names are resolved again, soon, and the result is told again.
  void wish();
  /// A member was heard by multicast.
  void hear(const std::string& address);
  void stop();

  /// The addresses that were found last.
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  seed_finder(const cluster_config& c, std::unique_ptr<name_resolver> resolver, event_log& log);

  struct source {
    std::vector<std::string> addresses;  // of the last answer
    bool answered = false;
    std::string fault;  // of the last question
  };

  void run();
  [[nodiscard]] bool look_at_file();  // true: it says something new
  void resolve_all();
  [[nodiscard]] bool resolve(const seed_spec& seed, source& s);
  [[nodiscard]] expected<std::vector<std::string>> ask(const seed_spec& seed);
  void forget_silent(time_point now);
  void tell(bool always);

  const cluster_config settings_;
  const std::unique_ptr<name_resolver> resolver_;
  event_log& log_;
  found_callback found_;

  mutable std::mutex mutex_;  // of the five below
  std::condition_variable wake_;
  bool stopping_ = false;
  bool wished_ = false;
  std::map<std::string, time_point> heard_;
  std::vector<std::string> told_;

  // The thread's own.
  std::string file_text_;
  std::string file_fault_;
  bool file_read_ = false;
  std::vector<std::string> file_seeds_;
  std::map<std::string, source> sources_;  // by the seed as it is written
  bool told_complete_ = false;
  bool told_once_ = false;
  time_point resolved_{};
  std::thread thread_;
};

}  // namespace troupe
