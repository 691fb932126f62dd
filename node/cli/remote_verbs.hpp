// The verbs that ask a running node over HTTP: members, health, shards, services, info, get, set, del, leave,
// force-leave.
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <troupe/time.hpp>

namespace troupe::cli {

struct remote_options {
  std::string url = "http://127.0.0.1:8080";
  bool json = false;  // print the node's answer as it is
};

struct cache_options {
  std::string cache = "default";
  std::string key;
  std::string value;
  bool value_from_stdin = false;
  std::string ttl;
  bool raw = false;   // the value's bytes and nothing else
  std::string meant;  // --i-mean-it
};

/// Sends one request and shows the answer: as it is with --json; `print` shows it otherwise, and says the
/// exit code either way.
[[nodiscard]] int call_and_show(const remote_options& o, const std::string& method, const std::string& target,
                                const std::string& request, const std::function<int(const nlohmann::json&)>& print);

/// Each prints its answer and returns the exit code.
/// The same for what answers nothing but that it is done, and may take long.
[[nodiscard]] int call_and_wait(const remote_options& o, const std::string& method, const std::string& target,
                                const std::string& request, duration deadline);

[[nodiscard]] int show_members(const remote_options& o);
[[nodiscard]] int show_health(const remote_options& o);
[[nodiscard]] int show_shards(const remote_options& o);
[[nodiscard]] int show_services(const remote_options& o);
/// exit_done when it runs, exit_no when it does not or nobody knows it.
[[nodiscard]] int show_why(const remote_options& o, const std::string& name);
[[nodiscard]] int show_info(const remote_options& o);
[[nodiscard]] int get_value(const remote_options& o, const cache_options& c);
[[nodiscard]] int set_value(const remote_options& o, const cache_options& c);
[[nodiscard]] int delete_value(const remote_options& o, const cache_options& c);
/// All values of a cache.
[[nodiscard]] int drop_values(const remote_options& o, const cache_options& c);
/// Whether the node serves the entity from now on.
[[nodiscard]] int turn_entity(const remote_options& o, const std::string& name, bool on);
[[nodiscard]] int ask_to_leave(const remote_options& o);
/// The member `name` has failed and shall be forgotten.
[[nodiscard]] int force_to_leave(const remote_options& o, const std::string& name);

}  // namespace troupe::cli
